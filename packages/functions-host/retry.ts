import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from '../kit/errors.ts'
import type { Invoker } from './invocation.ts'
import { describe, logFailure } from './log.ts'
import type { InvocationRequest, RetryContext, RetryOptions } from './protocol.ts'
import type { RegisteredFunction } from './registrations.ts'

/**
 * Runs one batch once, or, with the function's `retry` option, until it succeeds or the retries are used up.
 * As in the Functions host, the counts are only in memory. If the signal is aborted, it returns before the
 * next attempt.
 * https://github.com/Azure/azure-webjobs-sdk/blob/dev/src/Microsoft.Azure.WebJobs.Host/Executors/FunctionExecutorExtensions.cs
 * @param bind builds the input for each attempt. If it throws, the attempt fails before the function runs.
 */
export async function invokeWithRetry(
  invoker: Invoker,
  registered: RegisteredFunction,
  bind: () => InvocationRequest,
  signal: AbortSignal,
): Promise<void> {
  const { retryOptions: retry } = registered.metadata
  const most = retry?.maxRetryCount ?? 0
  let retryContext: RetryContext | undefined = retry && { retryCount: 0, maxRetryCount: most }
  for (let retryCount = 0; ; ) {
    try {
      const request = bindRequest(registered, bind)
      await invoker.invoke(registered, retryContext ? { ...request, retryContext } : request)
      return
    } catch (error) {
      if (signal.aborted || !retry || (most !== -1 && retryCount >= most)) return
      await delay(retryDelay(retry, retryCount), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      retryCount += 1
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      retryContext = {
        retryCount,
        maxRetryCount: most,
        exception: { message, source: registered.metadata.name, stackTrace: stack },
      }
    }
  }
}

function bindRequest({ metadata: { name } }: RegisteredFunction, bind: () => InvocationRequest): InvocationRequest {
  try {
    return bind()
  } catch (error) {
    logFailure(name, `its input cannot be bound: ${describe(error)}`)
    throw error
  }
}

const MAX_DELAY_MS = 2 ** 31 - 1

/**
 * Returns the milliseconds before the next attempt. Exponential: first the minimum, then
 * minimum + 2^(n-1) × minimum × 0.8…1.2, up to the maximum.
 * https://github.com/Azure/azure-webjobs-sdk/blob/dev/src/Microsoft.Azure.WebJobs.Host/Timers/RandomizedExponentialBackoffStrategy.cs
 * @param retryCount n, the number of retries so far.
 */
export function retryDelay(retry: RetryOptions, retryCount: number, random: () => number = Math.random): number {
  if (retry.retryStrategy === 'fixedDelay') return Math.min(MAX_DELAY_MS, seconds(retry.delayInterval) * 1000)
  const minimum = seconds(retry.minimumInterval) * 1000
  const increment = retryCount === 0 ? 0 : 2 ** Math.min(retryCount - 1, 31) * minimum * (0.8 + 0.4 * random())
  return Math.min(MAX_DELAY_MS, minimum + increment, seconds(retry.maximumInterval) * 1000)
}

/** @throws StartError for a policy that the Functions host would refuse. */
export function checkRetry({ metadata: { name, retryOptions } }: RegisteredFunction): void {
  if (!retryOptions) return
  const { retryStrategy, maxRetryCount } = retryOptions
  const wrong = (what: string): StartError => new StartError(`function ${name}: retry.${what}`)
  if (typeof maxRetryCount !== 'number' || !Number.isSafeInteger(maxRetryCount) || maxRetryCount < -1)
    throw wrong('maxRetryCount must be a whole number, or -1 for no limit')
  if (retryStrategy === 'fixedDelay') {
    if (retryOptions.delayInterval === undefined) throw wrong('delayInterval must be given')
  } else if (retryStrategy === 'exponentialBackoff') {
    if (seconds(retryOptions.minimumInterval) > seconds(retryOptions.maximumInterval))
      throw wrong('maximumInterval must not be below minimumInterval')
  } else throw wrong('strategy must be fixedDelay or exponentialBackoff')
}

function seconds(duration: { readonly seconds?: number } | undefined): number {
  return duration?.seconds ?? 0
}
