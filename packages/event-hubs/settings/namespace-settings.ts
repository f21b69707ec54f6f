import { readFile } from 'node:fs/promises'
import { StartError } from '../../kit/errors.ts'
import {
  checkArray,
  checkMembers,
  InvalidSettings,
  invalid,
  optionalWholeNumber,
  wholeNumber,
} from '../../kit/settings-check.ts'
import { MAX_THROUGHPUT_UNITS } from '../faults/throttle.ts'
import { isEmulatorConfiguration, readEmulatorNamespace } from './emulator-settings.ts'
import { findRepeated, type HubSettings, readHub } from './hub-settings.ts'

/** A namespace to serve: hubs behind one address. Comparison of names ignores case. */
export interface NamespaceSettings {
  readonly name: string
  /** 0 for any free port. Undefined for the first namespace, which uses the emulator's own port setting. */
  readonly port?: number | undefined
  /** Undefined: no throttling. */
  readonly throughputUnits?: number | undefined
  readonly hubs: readonly HubSettings[]
}

/** Name of the namespace if the file gives none. It is the only name that Microsoft's emulator allows. */
const ONLY_NAME = 'emulatorNs1'
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsofteventhub
const NAMESPACE_NAME = /^[a-z][a-z0-9-]{4,48}[a-z0-9]$/i

/**
 * Reads the configuration file. It has one of three shapes: `{"hubs"}` for one namespace, `{"namespaces"}`
 * for several, or the unchanged file of Microsoft's emulator.
 * @throws StartError naming the file, the place and the mistake.
 */
export async function readNamespaces(path: string): Promise<readonly NamespaceSettings[]> {
  return checked(await readJson(path), path)
}

/** The content of the configuration file: one namespace by its hubs, or several namespaces. */
export type Configuration =
  | { readonly hubs: readonly HubSettings[]; readonly throughputUnits?: number | undefined }
  | { readonly namespaces: readonly NamespaceSettings[] }

/**
 * Reads the configuration from an object, for `startEventHubs`.
 *
 * @throws StartError naming the place and the mistake.
 *
 * @example
 * const namespaces = readConfiguration({ hubs: [{ name: 'orders', partitions: 4, consumerGroups: ['audit'] }] })
 */
export function readConfiguration(configuration: Configuration): readonly NamespaceSettings[] {
  return checked(configuration, 'the configuration')
}

/**
 * Returns the namespaces with more hubs in the first one.
 * @param hubs as in the configuration file.
 * @throws InvalidSettings
 */
export function withHubs(
  [first, ...others]: readonly NamespaceSettings[],
  hubs: readonly unknown[],
): readonly NamespaceSettings[] {
  return first ? [{ ...first, hubs: readHubs([...first.hubs, ...hubs], '') }, ...others] : []
}

function checked(value: unknown, where: string): readonly NamespaceSettings[] {
  try {
    return parseNamespaces(value)
  } catch (error) {
    if (error instanceof InvalidSettings) throw new StartError(`${where}: ${error.message}`)
    throw error
  }
}

async function readJson(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`)
  }
  try {
    // Editors on Windows put a byte order mark first.
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    // The parser's message quotes the file, including line ends.
    throw new StartError(`${path} is not JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`)
  }
}

function parseNamespaces(value: unknown): readonly NamespaceSettings[] {
  if (isEmulatorConfiguration(value)) {
    const { name, hubs, place } = readEmulatorNamespace(value)
    return [{ name: checkNamespaceName(name, place), port: undefined, throughputUnits: undefined, hubs }]
  }
  if (typeof value === 'object' && value !== null && 'namespaces' in value) {
    const listed = checkArray(checkMembers(value, '', ['namespaces']).namespaces, '', 'namespaces')
    if (listed.length === 0) throw invalid('', '"namespaces" must have at least one')
    const namespaces = listed.map((namespace, index) => readNamespace(namespace, index))
    const twice = findRepeated(namespaces.map(({ name }) => name))
    if (twice !== undefined) throw invalid('', `namespace ${twice} is listed twice`)
    return namespaces
  }
  const { hubs, throughputUnits } = checkMembers(value, '', ['hubs', 'throughputUnits'])
  return [
    { name: ONLY_NAME, port: undefined, throughputUnits: readUnits(throughputUnits, ''), hubs: readHubs(hubs, '') },
  ]
}

function readNamespace(value: unknown, index: number): NamespaceSettings {
  const place = `namespaces[${index}]`
  const { name, port, throughputUnits, hubs } = checkMembers(value, place, ['name', 'port', 'throughputUnits', 'hubs'])
  const checked = checkNamespaceName(name, place)
  if (index === 0 && port !== undefined)
    throw invalid(place, 'the first namespace must have no "port": --port sets its port')
  return {
    name: checked,
    port: index === 0 ? undefined : wholeNumber(port, place, 'port', { min: 0, max: 65_535 }),
    throughputUnits: readUnits(throughputUnits, place),
    hubs: readHubs(hubs, place),
  }
}

function checkNamespaceName(name: unknown, place: string): string {
  if (typeof name !== 'string' || !NAMESPACE_NAME.test(name))
    throw invalid(place, `${JSON.stringify(name)} is not a namespace name`)
  return name
}

function readUnits(value: unknown, place: string): number | undefined {
  return optionalWholeNumber(value, place, 'throughputUnits', { min: 1, max: MAX_THROUGHPUT_UNITS })
}

function readHubs(value: unknown, place: string): readonly HubSettings[] {
  const at = place === '' ? 'hubs' : `${place}.hubs`
  const hubs = checkArray(value, place, 'hubs').map((hub, index) => readHub(hub, `${at}[${index}]`))
  const twice = findRepeated(hubs.map(({ name }) => name))
  if (twice !== undefined) throw invalid(place, `hub ${twice} is listed twice`)
  return hubs
}
