import { get, type Service } from '../api/client.ts'
import type { DocumentPage, DocumentRow } from '../api/contract.ts'

/**
 * The current state of one document of a view.
 * @param generation the default is the live one.
 * @throws Problem
 */
export async function getDocument(
  service: Service,
  view: string,
  key: string,
  generation: number | undefined,
  signal: AbortSignal,
): Promise<DocumentRow | undefined> {
  const { items } = await get<DocumentPage>(service, `/views/${view}/documents`, { key, generation }, signal)
  return items[0]
}
