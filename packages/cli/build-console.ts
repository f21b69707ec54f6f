import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import type { InlineConfig } from 'vite'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { writeApiTypes } from './console/api-types.ts'
import { localPorts } from './project/local-settings.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SOURCE = join(ROOT, 'packages', 'console')
const OUTPUT = join(ROOT, 'dist', 'console')
/** The limit for all files that the console loads, compressed. */
const MOST_BYTES = 150_000

/**
 * `npm run console`: builds the console to `dist/console`, and fails if it is too large. With `--serve` it
 * serves the sources instead, for the services that `npm start` runs, and reloads them when they change.
 */
async function buildConsole(): Promise<void> {
  const { serve } = readArguments({}, ['serve'])
  await writeApiTypes(SOURCE)
  const { build, createServer } = await import('vite')
  const config: InlineConfig = {
    configFile: false,
    root: SOURCE,
    // Relative, so that it works beside the APIs and below a path of a static website.
    base: './',
    publicDir: false,
    logLevel: serve ? 'info' : 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      write: false,
      target: ['chrome123', 'firefox121', 'safari17.5'],
      // A data URL would need a wider content security policy than 'self'.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  }
  if (serve) {
    const target = `http://127.0.0.1:${localPorts().http}`
    const server = await createServer({
      ...config,
      server: { host: '127.0.0.1', proxy: { '/api': target, '/console.json': target } },
    })
    await server.listen()
    server.printUrls()
    return
  }
  const built = await build(config)
  if (Array.isArray(built) || !('output' in built)) throw new Error('vite did not build exactly one page')
  const files = built.output.map((each): [string, Buffer] => [
    each.fileName,
    Buffer.from(each.type === 'chunk' ? each.code : each.source),
  ])
  checkSize(files.map(([, content]) => content))
  writeFiles(new Map(files))
}

/** @throws UsageError if the files are too large. */
function checkSize(files: readonly Buffer[]): void {
  const bytes = files.reduce((sum, content) => sum + brotliCompressSync(content).length, 0)
  console.log(`dist/console: ${files.length} files, ${kB(bytes)} compressed of at most ${kB(MOST_BYTES)}`)
  if (bytes > MOST_BYTES) throw new UsageError('failed: the console is too large')
}

/**
 * Keeps the page complete for a server that reads the folder meanwhile. Each file is replaced at once, the
 * page after the files it loads, and old files are removed last.
 */
function writeFiles(files: ReadonlyMap<string, Buffer>): void {
  mkdirSync(join(OUTPUT, 'assets'), { recursive: true })
  const pageLast = [...files].toSorted(([a], [b]) => Number(a.endsWith('.html')) - Number(b.endsWith('.html')))
  for (const [name, content] of pageLast) {
    const file = join(OUTPUT, name)
    if (existsSync(file) && readFileSync(file).equals(content)) continue
    const written = `${file}.${process.pid}.tmp`
    writeFileSync(written, content)
    renameSync(written, file)
  }
  for (const name of globSync('**/*.*', { cwd: OUTPUT }))
    if (!files.has(name.replaceAll('\\', '/')) && !name.endsWith('.tmp')) rmSync(join(OUTPUT, name), { force: true })
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

await runCommand(buildConsole)
