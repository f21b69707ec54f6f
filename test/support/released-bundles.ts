import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'

/** The commit before the events of ordering and inventory changed: their version n. */
export const BEFORE_THE_SPLIT = '5496e6e0ca0a'

/** The file with the bundles of a released commit. */
export const PACKED = 'services.json.br'
/** 16 MiB, Brotli's largest window. It spans four bundles of 2 MB, so what they share is stored once. */
const WINDOW_BITS = 24

/** Packs bundles by their file name. Takes half a minute. */
export function packServices(bundles: Readonly<Record<string, string>>): Buffer {
  return brotliCompressSync(JSON.stringify(bundles), { params: { [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS } })
}

/** The bundles of a released commit by their file name. */
export async function readServices(commit: string): Promise<Readonly<Record<string, string>>> {
  return JSON.parse(brotliDecompressSync(await readFile(join(locateFolder(commit), PACKED))).toString())
}

const locateFolder = (commit: string): string =>
  fileURLToPath(new URL(`../fixtures/bundles/${commit}/`, import.meta.url))

/** Every recorded file of a released commit, with its SHA-256 at the release and now. */
export async function readChecksums(commit: string): Promise<{ file: string; released: string; is: string }[]> {
  const lines = (await readFile(join(locateFolder(commit), 'SHA256SUMS'), 'utf8')).trimEnd().split('\n')
  const services = await readServices(commit)
  const hostJson = await readFile(join(locateFolder(commit), 'host.json'))
  return lines.map((line) => {
    const [released = '', file = ''] = line.split('  ')
    const content = file === 'host.json' ? hostJson : (services[file] ?? '')
    return { file, released, is: createHash('sha256').update(content).digest('hex') }
  })
}

/** Unpacks a released service into a folder that a host can run. @returns the folder. */
export async function unpackReleased(commit: string, service: string, into: string): Promise<string> {
  const folder = join(into, `${service}-${commit}`)
  await mkdir(folder, { recursive: true })
  const code = (await readServices(commit))[`${service}.js`]
  if (code === undefined) throw new Error(`${commit} has no ${service}.js`)
  await writeFile(join(folder, `${service}.js`), code)
  await copyFile(join(locateFolder(commit), 'host.json'), join(folder, 'host.json'))
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: `tidemark-${service}`, private: true, type: 'module', main: `${service}.js` }),
  )
  return folder
}
