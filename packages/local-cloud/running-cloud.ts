import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { findHolder } from '../kit/data-lock.ts'
import { StartError } from '../kit/errors.ts'
import { readTopology, type Topology } from './topology-file.ts'

// A cloud that is ready says so in `cloud.json` of its data folder, so that hosts of other processes can run
// on it. Who reads it believes it only while the process that wrote it has the folder's lock: what a killed
// cloud leaves behind says nothing.

/** A cloud as other processes see it. */
export interface RunningCloud {
  /** Of the process that has the data folder. */
  readonly pid: number
  /** EventHubConnection, CosmosConnection and AzureWebJobsStorage for whatever runs on it. */
  readonly settings: Readonly<Record<string, string>>
  /** What it has created. */
  readonly topology: Topology
}

/** A cloud that takes longer to start is none. */
const STARTS_WITHIN_MS = 60_000
const POLL_MS = 50

const locateFile = (dataDir: string): string => join(dataDir, 'cloud.json')

/** Says that the cloud of this process, which has the folder's lock, is ready. */
export async function announceCloud(dataDir: string, ready: Omit<RunningCloud, 'pid'>): Promise<void> {
  const cloud: RunningCloud = { pid: process.pid, ...ready }
  const file = locateFile(dataDir)
  await writeFile(`${file}.new`, JSON.stringify(cloud, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Says that it is not any more. */
export async function withdrawCloud(dataDir: string): Promise<void> {
  await rm(locateFile(dataDir), { force: true })
}

/**
 * The cloud that is ready on this data now; undefined: there is none, or it starts, or it ends.
 * @throws StartError when the folder cannot be read.
 */
export async function readyCloud(dataDir: string): Promise<RunningCloud | undefined> {
  const holder = await findHolder(dataDir)
  if (holder === undefined) return undefined
  const cloud = await readFile(locateFile(dataDir), 'utf8').then(parse, notThere)
  return cloud?.pid === holder ? cloud : undefined
}

/**
 * The cloud of another process on this data, waited for where it starts; undefined: nobody has the folder.
 * @throws StartError when somebody has it, but no cloud becomes ready.
 */
export async function findCloud(dataDir: string): Promise<RunningCloud | undefined> {
  const end = performance.now() + STARTS_WITHIN_MS
  for (;;) {
    const cloud = await readyCloud(dataDir)
    if (cloud) return cloud
    const holder = await findHolder(dataDir)
    if (holder === undefined) return undefined
    if (performance.now() > end)
      throw new StartError(
        `the data folder ${dataDir} is in use by process ${holder}, but its cloud is not ready after ${STARTS_WITHIN_MS / 1000} s: stop it`,
      )
    await delay(POLL_MS)
  }
}

/**
 * Checks that a running cloud has what the topology file names now: a service may have been added since it started.
 * @throws StartError where it has not.
 */
export async function checkTopology({ pid, topology }: RunningCloud, topologyFile: string): Promise<void> {
  if (isDeepStrictEqual(topology, await readTopology(topologyFile))) return
  throw new StartError(
    `the cloud of process ${pid} was started with another ${topologyFile} than the one that is there now: restart it`,
  )
}

/** What a power cut left of the file is no JSON, and was written by no cloud that runs. */
function parse(text: string): RunningCloud | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function notThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw new StartError(`the running cloud cannot be found: ${error.message}`)
}
