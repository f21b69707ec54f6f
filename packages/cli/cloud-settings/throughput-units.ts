import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../command-line/arguments.ts'
import { PROJECT } from '../project/project.ts'

const ABBREVIATIONS = join(PROJECT, 'infra/tidemark/abbreviations.json')
const MANAGEMENT = 'https://management.azure.com'
const API_VERSION = '2024-01-01'
const GIVE_UP_AFTER_MS = 60_000

/** The scope of tokens for Azure Resource Manager. */
export const SCOPE = `${MANAGEMENT}/.default`

/**
 * The current throughput units of an environment's namespace; 0 if there is none yet.
 * @throws UsageError if Azure does not report them: a provision would then reset them.
 */
export async function throughputUnits(subscription: string, environment: string, token: string): Promise<number> {
  const { resourceGroup } = JSON.parse(readFileSync(ABBREVIATIONS, 'utf8'))
  const group = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}${environment}`
  const url = `${MANAGEMENT}${group}/providers/Microsoft.EventHub/namespaces?api-version=${API_VERSION}`
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
  }).catch((error: Error) => {
    throw unknown(error.message)
  })
  if (answer.status === 404) return 0
  if (!answer.ok) throw unknown(`Azure answered ${answer.status}`)
  const { value } = Object(await answer.json())
  if (!Array.isArray(value)) throw unknown('Azure gave an unexpected answer')
  const units = value.map((namespace) => Number(Object(Object(namespace).sku).capacity))
  if (units.some((each) => !Number.isInteger(each))) throw unknown('a namespace has no capacity')
  return Math.max(0, ...units)
}

const unknown = (why: string): UsageError => new UsageError(`the throughput units in Azure are not known: ${why}`)
