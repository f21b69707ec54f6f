import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** The commit before the events of ordering and inventory went on: version n of them. */
export const BEFORE_THE_SPLIT = '5496e6e0ca0a'

const locateFolder = (commit: string): string =>
  fileURLToPath(new URL(`../fixtures/bundles/${commit}/`, import.meta.url))

/** The files of a released commit and what they contain. */
async function releasedFile(commit: string, file: string): Promise<Buffer> {
  if (!file.endsWith('.js')) return readFile(join(locateFolder(commit), file))
  return gunzipSync(await readFile(join(locateFolder(commit), `${file}.gz`)))
}

/**
 * Every file of a released commit that is written down, with the SHA-256 that it was released with and the
 * one that it has.
 */
export async function readChecksums(commit: string): Promise<{ file: string; released: string; is: string }[]> {
  const lines = (await readFile(join(locateFolder(commit), 'SHA256SUMS'), 'utf8')).trimEnd().split('\n')
  return Promise.all(
    lines.map(async (line) => {
      const [released = '', file = ''] = line.split('  ')
      const is = createHash('sha256')
        .update(await releasedFile(commit, file))
        .digest('hex')
      return { file, released, is }
    }),
  )
}

/** Writes a service as it was released into a folder, which a host runs. @returns the folder. */
export async function unpackReleased(commit: string, service: string, into: string): Promise<string> {
  const folder = join(into, `${service}-${commit}`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${service}.js`), await releasedFile(commit, `${service}.js`))
  await copyFile(join(locateFolder(commit), 'host.json'), join(folder, 'host.json'))
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: `tidemark-${service}`, private: true, type: 'module', main: `${service}.js` }),
  )
  return folder
}
