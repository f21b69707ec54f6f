import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { resolve } from 'node:path'
import { buildTopology, needsKeyWrap, readSettings } from 'tidemark/tools'
import { isTokenRequired } from '../../../kit/local-token.ts'
import { isShared } from '../../../kit/people.ts'
import { type RunningCloud, readyCloud } from '../../../local-cloud/running-cloud.ts'
import { services } from '../../project/config.ts'
import { dataFolder, localPorts, localSettings, readSettingsFile } from '../../project/local-settings.ts'
import { type Finding, firstLine } from './finding.ts'

const WAIT_MS = 5_000
/** The container where hosts store their claims and checkpoints. */
const CHECKPOINTS = 'azure-webjobs-eventhub'

/** The settings that services on this machine would start with. */
export function settings(): readonly Finding[] {
  const what = { area: 'settings', what: 'of this machine' }
  try {
    readSettings({ ...process.env, ...localSettings() })
    return [{ ...what, result: 'ok', detail: 'all are known and valid' }]
  } catch (error) {
    return [{ ...what, result: 'wrong', detail: firstLine(error), todo: 'see the table of settings: docs/deploy.md' }]
  }
}

/** Whether other users of this machine are denied access. */
export function access(): readonly Finding[] {
  const what = { area: 'access', what: 'of other users' }
  try {
    if (isTokenRequired()) return [{ ...what, result: 'ok', detail: 'every request must show a token' }]
    if (!isShared()) return [{ ...what, result: 'ok', detail: 'nobody else seems to use this machine' }]
    return [
      {
        ...{ ...what, result: 'warning', detail: 'several people may use this machine, and no token is required' },
        todo: 'unset TIDEMARK_REQUIRE_TOKEN: docs/console.md',
      },
    ]
  } catch (error) {
    return [{ ...what, result: 'wrong', detail: firstLine(error), todo: 'docs/console.md' }]
  }
}

/** Whether the key file of this machine exists, and only its owner may read it. */
export async function keyFile(): Promise<readonly Finding[]> {
  const names = services.filter((service) => needsKeyWrap(service)).map(({ name }) => name)
  if (names.length === 0) return []
  const cloud = await runningCloud()
  const file = ('result' in cloud ? undefined : cloud.settings?.PersonalKeys) ?? localSettings().PersonalKeys ?? ''
  return [checkKeyFile(file, statSync(file, { throwIfNoEntry: false }))]
}

/** @param stats undefined if the file does not exist. */
export function checkKeyFile(file: string, stats: { readonly mode: number } | undefined): Finding {
  const what = { area: 'access', what: 'of the key file' }
  if (stats === undefined) return { ...what, result: 'ok', detail: `${file} does not exist: npm start creates it` }
  if (process.platform === 'win32' || (stats.mode & 0o077) === 0)
    return { ...what, result: 'ok', detail: `${file} is its owner's` }
  return { ...what, result: 'wrong', detail: `others may read ${file}`, todo: `chmod 600 ${file}` }
}

/** Checks the settings that `npm run cloud:settings` wrote for this machine. */
export function cloudSettings(): readonly Finding[] {
  return services.flatMap(({ name }): readonly Finding[] => {
    const file = `bundles/${name}/local.settings.json`
    if (!existsSync(file)) return []
    const what = { area: 'settings', what: file }
    try {
      readSettings(readSettingsFile(file))
      return [{ ...what, result: 'ok', detail: 'all are known and valid' }]
    } catch (error) {
      return [{ ...what, result: 'wrong', detail: firstLine(error), todo: 'npm run cloud:settings writes it' }]
    }
  })
}

/** Checks who listens on the ports of the local cloud. */
export async function ports(): Promise<readonly Finding[]> {
  const cloud = await runningCloud()
  if ('result' in cloud) return [cloud]
  const { blob, eventHubs, cosmos } = localPorts()
  const parts = [
    ['blobs', blob, 'TIDEMARK_BLOB_PORT'],
    ['event hubs', eventHubs, 'TIDEMARK_EVENTHUBS_PORT'],
    ['cosmos db', cosmos, 'TIDEMARK_COSMOS_PORT'],
  ] as const
  return Promise.all(
    parts.map(async ([part, port, setting]): Promise<Finding> => {
      const what = { area: 'ports', what: `${part}, ${port}` }
      const listens = await isListening(port)
      if (cloud.pid !== undefined)
        return listens
          ? { ...what, result: 'ok', detail: `the local cloud, process ${cloud.pid}` }
          : {
              ...{ ...what, result: 'wrong' },
              detail: `the local cloud runs, process ${cloud.pid}, but nothing listens`,
              todo: `restart it, or set ${setting} to its value when the cloud was started`,
            }
      if (!listens) return { ...what, result: 'ok', detail: 'free: no local cloud runs' }
      return {
        ...{ ...what, result: 'wrong', detail: 'another program listens, and no local cloud runs on this data folder' },
        todo: `end that program, set ${setting}, or set TIDEMARK_DATA to the folder of that cloud`,
      }
    }),
  )
}

/** Checks the running local cloud: its containers, its hubs and the store of checkpoints. */
export async function connections(): Promise<readonly Finding[]> {
  const cloud = await runningCloud()
  if ('result' in cloud) return []
  if (cloud.pid === undefined)
    return [
      ...['cosmos db', 'event hubs', 'storage'].map(
        (what): Finding => ({ area: 'connections', what, result: 'unseen', detail: 'no local cloud runs: npm start' }),
      ),
    ]
  return [...(await containers(cloud)), await hubs(cloud), await blobs(cloud)]
}

async function containers({ settings }: RunningCloud): Promise<readonly Finding[]> {
  const { CosmosClient } = await import('@azure/cosmos')
  const client = new CosmosClient(settings.CosmosConnection ?? '')
  const what = { area: 'connections', what: 'cosmos db' }
  try {
    const { databases } = buildTopology(services)
    const missing: string[] = []
    let count = 0
    for (const { name, containers } of databases) {
      const signal = AbortSignal.timeout(WAIT_MS)
      const { resources } = await client.database(name).containers.readAll({ abortSignal: signal }).fetchAll()
      const there = new Set(resources.map(({ id }) => id))
      for (const container of containers) if (!there.has(container.name)) missing.push(`${name}/${container.name}`)
      count += containers.length
    }
    if (missing.length === 0) return [{ ...what, result: 'ok', detail: `it has all ${count} containers` }]
    return [
      { ...what, result: 'wrong', detail: `it lacks ${missing.join(', ')}`, todo: 'restart the cloud to create them' },
    ]
  } catch (error) {
    return [{ ...what, result: 'wrong', detail: firstLine(error), todo: 'restart the cloud' }]
  } finally {
    client.dispose()
  }
}

async function hubs({ settings }: RunningCloud): Promise<Finding> {
  const { EventHubProducerClient } = await import('@azure/event-hubs')
  const what = { area: 'connections', what: 'event hubs' }
  const { eventHubs } = buildTopology(services)
  const asked = await Promise.all(
    eventHubs.map(async ({ name, partitions }) => {
      const client = new EventHubProducerClient(settings.EventHubConnection ?? '', name, {
        retryOptions: { maxRetries: 0, timeoutInMs: WAIT_MS },
      })
      try {
        const { partitionIds } = await client.getEventHubProperties({ abortSignal: AbortSignal.timeout(WAIT_MS) })
        if (partitionIds.length === partitions) return []
        return [`${name} has ${partitionIds.length} partitions, not ${partitions}`]
      } catch (error) {
        return [`${name}: ${firstLine(error)}`]
      } finally {
        await client.close()
      }
    }),
  )
  const wrong = asked.flat()
  if (wrong.length === 0) return { ...what, result: 'ok', detail: `it has all ${eventHubs.length} hubs` }
  return { ...what, result: 'wrong', detail: wrong.join('; '), todo: 'restart the cloud' }
}

async function blobs({ settings }: RunningCloud): Promise<Finding> {
  const { BlobServiceClient } = await import('@azure/storage-blob')
  const what = { area: 'connections', what: 'storage' }
  const store = BlobServiceClient.fromConnectionString(settings.AzureWebJobsStorage ?? '', {
    retryOptions: { maxTries: 1 },
  })
  try {
    const abortSignal = AbortSignal.timeout(WAIT_MS)
    let checkpoints = 0
    for await (const { name } of store.getContainerClient(CHECKPOINTS).listBlobsFlat({ abortSignal }))
      if (name.includes('/checkpoint/')) checkpoints += 1
    const missing: string[] = []
    const wanted = buildTopology(services).blobContainers
    for (const name of wanted) if (!(await store.getContainerClient(name).exists({ abortSignal }))) missing.push(name)
    if (missing.length > 0)
      return { ...what, result: 'wrong', detail: `it lacks ${missing.join(', ')}`, todo: 'restart the cloud' }
    return { ...what, result: 'ok', detail: `it has ${checkpoints} checkpoints and all ${wanted.length} containers` }
  } catch (error) {
    return { ...what, result: 'wrong', detail: firstLine(error), todo: 'restart the cloud' }
  }
}

/** The cloud on the data folder, without `pid` if none runs; or a finding if that cannot be read. */
async function runningCloud(): Promise<
  RunningCloud | { readonly pid?: undefined; readonly settings?: undefined } | Finding
> {
  try {
    return (await readyCloud(resolve(dataFolder()))) ?? {}
  } catch (error) {
    return { area: 'ports', what: 'the local cloud', result: 'unseen', detail: firstLine(error) }
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: WAIT_MS })
    const end = (listens: boolean) => (): void => {
      socket.destroy()
      settle(listens)
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
  })
}
