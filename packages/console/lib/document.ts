import { get, type Service } from '../api/client.ts'
import type { DocumentPage, DocumentRow } from '../api/contract.ts'

/**
 * Names a current state of view. */
interface DocumentChoice {
  readonly key: string
  /** Without it the default is the live one.
   * */
  readonly generation: number | undefined
}

/** One document of a view, as it is now. @throws Problem
 */
export async function getDocument(
  service: Service,
  view: string,
  { key, generation }: DocumentChoice,
  signal: AbortSignal,
): Promise<DocumentRow | undefined> {
  const { items } = await get<DocumentPage>(service, `/views/${view}/documents`, { key, generation }, signal)
  return items[0]
}
