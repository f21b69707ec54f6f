import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from '../kit/errors.ts'
import type { Invoker } from './invocation.ts'
import type { InvocationRequest, RetryContext, RetryOptions } from './protocol.ts'
import type { RegisteredFunction } from './registrations.ts'

/** How a batch ended. `interrupted`: the host stops or lost the partition, so nothing may be said of the batch. */
export type Outcome = 'succeeded' | 'failed' | 'interrupted'

/**
 * Runs one batch: once, or with the function's `retry` option again until it succeeds or the retries are used up. Counts live in memory
 * alone, as in the Functions host. https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
 */
export async function invokeWithRetry(
  invoker: Invoker,
  registered: RegisteredFunction,
  request: InvocationRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const retry = registered.metadata.retryOptions
  const most = retry?.maxRetryCount ?? 0
  let retryContext: RetryContext | undefined
  for (let retryCount = 0; !signal.aborted; ) {
    try {
      await invoker.invoke(registered, retryContext ? { ...request, retryContext } : request)
      return signal.aborted ? 'interrupted' : 'succeeded'
    } catch (error) {
      if (signal.aborted) return 'interrupted'
      if (!retry || (most !== -1 && retryCount >= most)) return 'failed'
      await delay(retryDelay(retry, retryCount), undefined, { signal }).catch(() => {})
      retryCount += 1
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      retryContext = {
        retryCount,
        maxRetryCount: most,
        exception: { message, source: registered.metadata.name, stackTrace: stack },
      }
    }
  }
  return 'interrupted'
}

const MAX_DELAY_MS = 2 ** 31 - 1

/**
 * Milliseconds before the next attempt. Exponential as the WebJobs SDK has it: minimum + (2^n - 1) × minimum × 0.8…1.2, up to the
 * maximum. @param retryCount how many retries there were already.
 */
export function retryDelay(retry: RetryOptions, retryCount: number, random: () => number = Math.random): number {
  if (retry.retryStrategy === 'fixedDelay') return Math.min(MAX_DELAY_MS, seconds(retry.delayInterval) * 1000)
  const minimum = seconds(retry.minimumInterval) * 1000
  const increment = (2 ** Math.min(retryCount, 31) - 1) * minimum * (0.8 + 0.4 * random())
  return Math.min(MAX_DELAY_MS, minimum + increment, seconds(retry.maximumInterval) * 1000)
}

/** @throws StartError for a policy that the Functions host would refuse. */
export function checkRetry({ metadata: { name, retryOptions } }: RegisteredFunction): void {
  if (!retryOptions) return
  const { retryStrategy, maxRetryCount } = retryOptions
  const wrong = (what: string): StartError => new StartError(`function ${name}: retry.${what}`)
  if (typeof maxRetryCount !== 'number' || !Number.isSafeInteger(maxRetryCount) || maxRetryCount < -1)
    throw wrong('maxRetryCount must be a whole number, or -1 for ever')
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
