import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { PROJECT } from '../project/project.ts'

// Packages that are CommonJS ask for Node's own modules with require, which an ES module does not have.
const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

/** For `func start` in the folder: written by `npm run cloud:settings`, kept, and never deployed. */
const LOCAL_SETTINGS = 'local.settings.json'

// What azd and Core Tools leave out of the package. node_modules must not stand here: to azd that means that
// Azure is to install packages.
const FUNCIGNORE = `/${LOCAL_SETTINGS}\n/.funcignore\n`

/**
 * Bundles a module and everything it imports into ES modules that need nothing but Node, and
 * `@azure/functions-core`, which the Functions host supplies. What is imported later is in files of its own,
 * which are read then.
 * @param entry from the root of the repository.
 * @returns what went into it.
 */
export async function bundleModule(entry: string, outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: PROJECT,
    entryPoints: { [basename(outfile, '.js')]: entry },
    outdir: dirname(outfile),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // The oldest that the functions run on: packages/tidemark/azure-functions/node-version.ts
    target: 'node22',
    external: ['@azure/functions-core'],
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: 'error',
  })
  return metafile
}

/**
 * Writes a service as a folder that is deployed as it is: its functions, host.json, and a package.json
 * without dependencies.
 */
export async function bundleService(service: string, folder: string): Promise<Metafile> {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder))
    if (name !== LOCAL_SETTINGS) await rm(join(folder, name), { recursive: true, force: true })
  const metafile = await bundleModule(`functions/${service}.ts`, join(folder, `${service}.js`))
  const { name, version } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'))
  const main = { name: `${name}-${service}`, version, private: true, type: 'module', main: `${service}.js` }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(main, null, 2)}\n`)
  await writeFile(join(folder, '.funcignore'), FUNCIGNORE)
  await copyFile(join(PROJECT, 'host.json'), join(folder, 'host.json'))
  return metafile
}
