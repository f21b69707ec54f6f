// The messages between the Functions host and the Node.js worker that this host uses. The names are those of
// the worker protocol:
// https://github.com/Azure/azure-functions-language-worker-protobuf/blob/dev/src/proto/FunctionRpc.proto

/** One value passed to or from a function. */
export interface TypedData {
  readonly string?: string
  readonly json?: string
  readonly bytes?: Uint8Array
  readonly http?: HttpRequestData | HttpResponseData
  readonly collectionBytes?: { readonly bytes: readonly Uint8Array[] }
  readonly collectionString?: { readonly string: readonly string[] }
  /** 64-bit numbers, each in two halves. */
  readonly collectionSint64?: { readonly sint64: readonly { readonly low: number; readonly high: number }[] }
}

/** A map whose values can be empty. */
export type NullableMap = Readonly<Record<string, { readonly value: string }>>

export interface HttpRequestData {
  /** Absolute. */
  readonly url: string
  readonly method: string
  readonly nullableHeaders: NullableMap
  readonly nullableQuery: NullableMap
  readonly nullableParams: NullableMap
  readonly body?: { readonly bytes: Uint8Array }
}

export interface HttpResponseData {
  readonly statusCode?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly CookieData[]
  readonly body?: TypedData | null
}

export interface CookieData {
  readonly name: string
  readonly value: string
  readonly domain?: { readonly value: string }
  readonly path?: { readonly value: string }
  readonly expires?: { readonly value: { readonly seconds: number } }
  readonly secure?: { readonly value: boolean }
  readonly httpOnly?: { readonly value: boolean }
  readonly sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone'
  readonly maxAge?: { readonly value: number }
}

/** A registered trigger, input or output. It has further properties of its own. */
export interface Binding {
  readonly type: string
  readonly name?: string
  readonly direction?: 'in' | 'out' | 'inout'
  readonly [property: string]: unknown
}

interface Duration {
  readonly seconds?: number
}

export interface RetryOptions {
  readonly retryStrategy?: string
  /** -1: no limit. */
  readonly maxRetryCount?: number
  readonly delayInterval?: Duration
  readonly minimumInterval?: Duration
  readonly maximumInterval?: Duration
}

export interface FunctionMetadata {
  readonly name: string
  readonly bindings: Readonly<Record<string, Binding>>
  readonly retryOptions?: RetryOptions
}

export type FunctionCallback = (...inputs: unknown[]) => unknown

export interface RetryContext {
  readonly retryCount: number
  readonly maxRetryCount: number
  readonly exception?: { readonly message: string; readonly source: string; readonly stackTrace: string }
}

export interface InvocationRequest {
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[]
  readonly triggerMetadata?: Readonly<Record<string, TypedData>>
  readonly retryContext?: RetryContext
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null
}

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none'
export type LogCategory = 'user' | 'system' | 'customMetric'

export interface CoreInvocationContext {
  readonly invocationId: string
  readonly metadata: FunctionMetadata
  readonly request: InvocationRequest & { readonly invocationId: string }
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks'
  log(level: LogLevel, category: LogCategory, message: string): void
}

interface InvocationModel {
  getArguments(): Promise<{ readonly context: unknown; readonly inputs: unknown[] }>
  invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown>
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>
}

/** `@azure/functions` passes an implementation of this to its host. */
export interface ProgrammingModel {
  readonly name: string
  readonly version: string
  getInvocationModel(context: CoreInvocationContext): InvocationModel
  getCapabilities?(
    capabilities: Record<string, string | undefined>,
  ): Promise<Record<string, string | undefined>> | Record<string, string | undefined>
}
