import type { ContainerClient } from '@azure/storage-blob'
import { type BlobConnection, parseSegmentName, segmentName } from '../core/archive.ts'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { Archive } from '../core/ports.ts'

// An attempt, and a request with all its attempts. The periodic work of the service waits for it.
const ATTEMPT_MS = 5_000
const REQUEST_MS = 12_000
const retryOptions = { maxTries: 3, tryTimeoutInMs: ATTEMPT_MS, retryDelayInMs: 200, maxRetryDelayInMs: 1_000 }

// Answers to Put Blob with If-None-Match where the blob exists. Which one comes depends on the right of the
// caller and on the container's policy: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
// A second attempt after a lost answer gets UnauthorizedBlobOverwrite: https://github.com/Azure/azure-cli/issues/19203
const EXISTS: ReadonlySet<unknown> = new Set([
  'BlobAlreadyExists',
  'ConditionNotMet',
  'UnauthorizedBlobOverwrite',
  'BlobImmutableDueToPolicy',
])

/** A service's archive: the blobs of its container. The SDK is loaded with the first request. */
export class BlobArchive implements Archive {
  readonly #connect: () => Promise<ContainerClient>
  readonly #name: string

  constructor(connection: BlobConnection, container: string) {
    this.#name = container
    let connecting: Promise<ContainerClient> | undefined
    this.#connect = () => {
      connecting ??= openContainer(connection, container)
      return connecting
    }
  }

  /** One request, so a segment exists whole or not at all. */
  async create(number: number, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const blob = (await this.#connect()).getBlockBlobClient(segmentName(number))
    try {
      await blob.upload(bytes, bytes.byteLength, {
        conditions: { ifNoneMatch: '*' },
        // Without a content encoding, so that no client unpacks it on the way.
        blobHTTPHeaders: { blobContentType: 'application/gzip' },
        abortSignal: AbortSignal.timeout(REQUEST_MS),
      })
      return 'created'
    } catch (error) {
      if (EXISTS.has(readCode(error))) return 'exists'
      throw this.#error(error, 'outcome-unknown')
    }
  }

  async has(number: number): Promise<boolean> {
    return (await this.#ask(number, (blob, options) => blob.getProperties(options))) !== undefined
  }

  async read(number: number): Promise<Uint8Array | undefined> {
    return this.#ask(number, (blob, options) => blob.downloadToBuffer(0, undefined, options))
  }

  async *list(after: number): AsyncIterable<{ readonly number: number; readonly bytes: number }> {
    const container = await this.#connect()
    // In order of name: https://learn.microsoft.com/rest/api/storageservices/list-blobs
    const blobs = container.listBlobsFlat({ prefix: 'segments/' })
    try {
      for await (const { name, properties } of blobs) {
        const number = parseSegmentName(name)
        if (number !== undefined && number > after) yield { number, bytes: properties.contentLength ?? 0 }
      }
    } catch (error) {
      throw this.#error(error, 'unavailable')
    }
  }

  /** @returns undefined if there is no such blob. */
  async #ask<Answer>(
    number: number,
    ask: (
      blob: ReturnType<ContainerClient['getBlockBlobClient']>,
      options: { readonly abortSignal: AbortSignal },
    ) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const blob = (await this.#connect()).getBlockBlobClient(segmentName(number))
    try {
      return await ask(blob, { abortSignal: AbortSignal.timeout(REQUEST_MS) })
    } catch (error) {
      if (readCode(error) === 'BlobNotFound') return undefined
      throw this.#error(error, 'unavailable')
    }
  }

  #error(error: unknown, otherwise: 'unavailable' | 'outcome-unknown'): unknown {
    const [code, status] = [readCode(error), (error as { readonly statusCode?: number }).statusCode ?? 0]
    if (code === 'ContainerNotFound')
      return new TidemarkError('container-missing', `there is no blob container ${this.#name}: provision it`, {
        cause: error,
      })
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      return new TidemarkError('unavailable', `the archive ${this.#name} refuses: ${code ?? describeError(error)}`, {
        cause: error,
      })
    const what = otherwise === 'unavailable' ? 'cannot be read' : 'did not say whether it wrote'
    return new TidemarkError(otherwise, `the archive ${this.#name} ${what}: ${describeError(error)}`, { cause: error })
  }
}

async function openContainer(connection: BlobConnection, container: string): Promise<ContainerClient> {
  const { BlobServiceClient } = await import('@azure/storage-blob')
  const service =
    'connectionString' in connection
      ? BlobServiceClient.fromConnectionString(connection.connectionString, { retryOptions })
      : new BlobServiceClient(connection.serviceUri, connection.credential, { retryOptions })
  return service.getContainerClient(container)
}

/** The service's error code. The answer to a HEAD has it only in a header, which the SDK reads too. */
function readCode(error: unknown): string | undefined {
  const { code, details } = (error ?? {}) as { readonly code?: string; readonly details?: { errorCode?: string } }
  return details?.errorCode ?? code
}
