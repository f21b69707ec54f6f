import { checkArray, invalid, wholeNumber } from '../../kit/settings-check.ts'
import { checkHub, DEFAULT_GROUP, findRepeated, type HubSettings, MAX_PARTITIONS } from './hub-settings.ts'

// Reads the unchanged configuration file of Microsoft's emulator. It ignores members that are not in that
// emulator's schema, and does not apply its limit of ten hubs.
// https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator
// https://github.com/Azure/azure-event-hubs-emulator-installer/blob/main/EventHub-Emulator/Schema/Config-schema.json

/** Whether the value is the file of Microsoft's emulator: only that file has `UserConfig`. */
export function isEmulatorConfiguration(value: unknown): value is { readonly UserConfig: unknown } {
  return typeof value === 'object' && value !== null && 'UserConfig' in value
}

/**
 * Reads the file's only namespace.
 * @throws InvalidSettings
 */
export function readEmulatorNamespace({ UserConfig }: { readonly UserConfig: unknown }): {
  readonly name: unknown
  readonly hubs: readonly HubSettings[]
  readonly place: string
} {
  const { NamespaceConfig } = readRecord(UserConfig, 'UserConfig')
  const namespaces = checkArray(NamespaceConfig, 'UserConfig', 'NamespaceConfig')
  if (namespaces.length !== 1) throw invalid('UserConfig', '"NamespaceConfig" must have one namespace')
  const place = 'UserConfig.NamespaceConfig[0]'
  const { Type, Name, Entities } = readRecord(namespaces[0], place)
  if (Type !== 'EventHub') throw invalid(place, '"Type" must be "EventHub"')
  const hubs = checkArray(Entities, place, 'Entities').map((hub, index) =>
    readEntity(hub, `${place}.Entities[${index}]`),
  )
  const twice = findRepeated(hubs.map(({ name }) => name))
  if (twice !== undefined) throw invalid(place, `hub ${twice} is listed twice`)
  return { name: Name, hubs, place }
}

function readEntity(value: unknown, place: string): HubSettings {
  const { Name, PartitionCount, ConsumerGroups } = readRecord(value, place)
  // The schema requires text, but Microsoft's own tools also write a number.
  const count = typeof PartitionCount === 'string' ? Number(PartitionCount) : PartitionCount
  const partitions = wholeNumber(count, place, 'PartitionCount', { min: 1, max: MAX_PARTITIONS })
  const groups = ConsumerGroups === undefined ? [] : checkArray(ConsumerGroups, place, 'ConsumerGroups')
  const consumerGroups = groups
    .map((group, index) => readRecord(group, `${place}.ConsumerGroups[${index}]`).Name)
    .filter((name) => typeof name !== 'string' || name.toLowerCase() !== DEFAULT_GROUP.toLowerCase())
  return checkHub(Name, { partitions, consumerGroups }, place)
}

function readRecord(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(place, 'an object is expected')
  return value as Record<string, unknown>
}
