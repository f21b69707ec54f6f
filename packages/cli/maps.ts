import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Graphviz } from '@hpcc-js/wasm-graphviz'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { drawPackages, type ImportRow } from './maps/package-map.ts'
import { drawSystem } from './maps/system-map.ts'
import { THEMES } from './maps/theme.ts'
import { services } from './project/config.ts'

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url))

/**
 * `npm run maps`: compares the pictures in docs/images with the services' declarations and with imports.cjs, which
 * they are drawn from. With `--write` it draws them.
 */
async function maps(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const { rows } = createRequire(import.meta.url)('../../imports.cjs') as { readonly rows: readonly ImportRow[] }
  const graphviz = await Graphviz.load()
  mkdirSync(FOLDER, { recursive: true })
  const outdated: string[] = []
  let compared = 0
  for (const [name, theme] of Object.entries(THEMES))
    for (const [map, drawing] of [
      ['system', drawSystem(services, theme)],
      ['packages', graphviz.tred(drawPackages(rows, theme)).out],
    ] as const) {
      const file = join(FOLDER, `${map}-${name}.svg`)
      const picture = graphviz.dot(drawing)
      compared += 1
      if (write) writeFileSync(file, picture)
      else if (!existsSync(file) || readFileSync(file, 'utf8') !== picture)
        outdated.push(`docs/images/${map}-${name}.svg`)
    }
  console.log(`docs/images: ${compared} maps`)
  if (outdated.length > 0) throw new UsageError(`${outdated.join(', ')}: outdated. Run npm run maps -- --write`)
}

await runCommand(maps)
