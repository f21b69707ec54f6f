import { Failure } from '../failure.ts'
import type { Request } from './requests.ts'

/** An answer on its way: a body that is JSON already is a text. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: unknown
  readonly text?: string
}

/** A list, whose members are JSON already. */
export function listOf(name: string, members: readonly string[], rid: string, headers: Answer['headers'] = {}): Answer {
  return {
    status: 200,
    headers: { 'x-ms-item-count': members.length, ...headers },
    text: `{"_rid":${JSON.stringify(rid)},"${name}":[${members.join(',')}],"_count":${members.length}}`,
  }
}

export function notAllowed({ method }: Request): never {
  throw new Failure(405, 'MethodNotAllowed', `there is no ${method} here`)
}
