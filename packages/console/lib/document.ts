import { get, type Service } from '../api/client.ts'
import type { DocumentPage, DocumentRow } from '../api/contract.ts'

/** One document of a view, as it is now. @param generation without it the one that queries read. @throws Problem */
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
