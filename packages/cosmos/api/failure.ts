/**
 * An answer that is not a success: status, the service's code, a message, and a substatus where clients read
 * one.
 */
export class Failure extends Error {
  readonly status: number
  readonly code: string
  readonly substatus: number | undefined
  /** The LSN of the data and the container's headers: a session learns from them what it has seen. */
  lsn: number | undefined
  headers: Readonly<Record<string, string>> = {}

  constructor(status: number, code: string, message: string, substatus?: number) {
    super(message)
    this.status = status
    this.code = code
    this.substatus = substatus
  }
}

export const badRequest = (message: string, substatus?: number): Failure =>
  new Failure(400, 'BadRequest', message, substatus)
export const notFound = (what: string, substatus?: number): Failure =>
  new Failure(404, 'NotFound', `${what} does not exist`, substatus)
export const conflict = (what: string): Failure => new Failure(409, 'Conflict', `${what} exists already`)
export const preconditionFailed = (what = 'the etag does not match'): Failure =>
  new Failure(412, 'PreconditionFailed', `one of the specified pre-condition is not met: ${what}`)
/** @throws Failure 412 when If-Match, an etag or `*`, is not met. */
export function checkMatch({ etag }: { readonly etag: string }, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== etag) throw preconditionFailed()
}
export const tooLarge = (what: string): Failure => new Failure(413, 'RequestEntityTooLarge', what)
