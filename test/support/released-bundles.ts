import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** The commit before the events of ordering and inventory changed: their version n. */
export const BEFORE_THE_SPLIT = '5496e6e0ca0a'

const locateFolder = (commit: string): string =>
  fileURLToPath(new URL(`../fixtures/bundles/${commit}/`, import.meta.url))

/** The content of a file of a released commit. */
async function releasedFile(commit: string, file: string): Promise<Buffer> {
  if (!file.endsWith('.js')) return readFile(join(locateFolder(commit), file))
  return gunzipSync(await readFile(join(locateFolder(commit), `${file}.gz`)))
}

/** Every recorded file of a released commit, with its SHA-256 at the release and now. */
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

/** Unpacks a released service into a folder that a host can run. @returns the folder. */
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
