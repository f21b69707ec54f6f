import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { PROJECT } from '../project/project.ts'

// CommonJS packages load Node's own modules with require, which an ES module does not have.
const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

/**
 * For `func start` in the folder. `npm run cloud:settings` writes it; it survives a bundle, and is not
 * deployed.
 */
const LOCAL_SETTINGS = 'local.settings.json'

// Files that azd and Core Tools leave out of the package. Do not list node_modules: azd would then have Azure
// install packages.
const FUNCIGNORE = `/${LOCAL_SETTINGS}\n/.funcignore\n`

/**
 * Bundles a module and its imports into ES modules that need only Node and `@azure/functions-core`, which the
 * Functions host supplies. Dynamic imports get files of their own, which are read when needed.
 * @param entry its path from the root of the project.
 * @returns the files that went into the bundle.
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
    // The oldest version that the functions run on: packages/tidemark/azure-functions/node-version.ts
    target: 'node22',
    external: ['@azure/functions-core'],
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: 'error',
  })
  return metafile
}

/**
 * Writes a service to a folder that is ready to deploy: its functions, host.json, and a package.json without
 * dependencies.
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
