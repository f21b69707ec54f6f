import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

// Packages that are CommonJS ask for Node's own modules with require, which an ES module does not have.
const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

/**
 * Bundles a module and everything it imports into one ES module that needs nothing but Node, and `@azure/functions-core`, which the
 * Functions host supplies.
 * @param entry from the root of the repository.
 * @returns what went into it.
 */
export async function bundleModule(entry: string, outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['@azure/functions-core'],
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: 'error',
  })
  return metafile
}

/** Writes a service as a folder that is deployed as it is: its functions in one file, host.json, and a package.json without dependencies. */
export async function bundleService(service: string, folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const metafile = await bundleModule(`functions/${service}.ts`, join(folder, `${service}.js`))
  const { name, version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const main = { name: `${name}-${service}`, version, private: true, type: 'module', main: `${service}.js` }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(main, null, 2)}\n`)
  await copyFile(join(ROOT, 'host.json'), join(folder, 'host.json'))
  return metafile
}
