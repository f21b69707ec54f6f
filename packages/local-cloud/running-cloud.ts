import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { findHolder } from '../kit/data-lock.ts'
import { StartError } from '../kit/errors.ts'
import { readTopology, type Topology } from './topology-file.ts'

// A ready cloud writes `cloud.json` into its data folder, so that hosts in other processes can use it. The
// file is valid only while its process has the folder's lock. A file left by a killed cloud is ignored.

/** A cloud as other processes see it. */
export interface RunningCloud {
  /** Id of the process that has locked the data folder. */
  readonly pid: number
  /** The connections and the key file for the services on the cloud. */
  readonly settings: Readonly<Record<string, string>>
  /** The resources that it has created. */
  readonly topology: Topology
}

/** Longest start of a cloud. */
const STARTS_WITHIN_MS = 60_000
const POLL_MS = 50

const locateFile = (dataDir: string): string => join(dataDir, 'cloud.json')

/** Announces that this process's cloud is ready. The process must have the folder's lock. */
export async function announceCloud(dataDir: string, ready: Omit<RunningCloud, 'pid'>): Promise<void> {
  const cloud: RunningCloud = { pid: process.pid, ...ready }
  const file = locateFile(dataDir)
  await writeFile(`${file}.new`, JSON.stringify(cloud, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Withdraws the announcement. */
export async function withdrawCloud(dataDir: string): Promise<void> {
  await rm(locateFile(dataDir), { force: true })
}

/**
 * Returns the ready cloud of a data folder; undefined if there is none, or it is starting or ending.
 * @throws StartError if the folder cannot be read.
 */
export async function readyCloud(dataDir: string): Promise<RunningCloud | undefined> {
  const holder = await findHolder(dataDir)
  if (holder === undefined) return undefined
  const cloud = await readFile(locateFile(dataDir), 'utf8').then(parse, notThere)
  return cloud?.pid === holder ? cloud : undefined
}

/**
 * Returns the cloud of another process on a data folder, and waits while it starts; undefined if the folder
 * is free.
 * @throws StartError if the folder is in use, but no cloud becomes ready.
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
        `the data folder ${dataDir} is in use by process ${holder}, ` +
          `but its cloud is not ready after ${STARTS_WITHIN_MS / 1000} s: stop it`,
      )
    await delay(POLL_MS)
  }
}

/**
 * Checks that a running cloud matches the topology file: a service may have been added since its start.
 * @throws StartError if it does not match.
 */
export async function checkTopology({ pid, topology }: RunningCloud, topologyFile: string): Promise<void> {
  if (isDeepStrictEqual(topology, await readTopology(topologyFile))) return
  throw new StartError(
    `the cloud of process ${pid} was started with another ${topologyFile} than the present one: restart it`,
  )
}

/** Parses the file; undefined if it is not JSON. A power cut may have damaged it, so its cloud no longer runs. */
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
