import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { publint } from 'publint'
import ts from 'typescript'
import { Command } from './command.ts'
import { listCodeBlocks } from './documented-code.ts'
import { linkNamed, namesIn, Packed, type PackedManifest } from './packed.ts'
import { until } from './wait.ts'

interface EmulatorPackage {
  /** Its folder in packages/. */
  readonly folder: string
  /** Arguments besides the port, which is always any free one. */
  readonly args: readonly string[]
  /** Other packages that users install: those its README imports, or those of their app. */
  readonly beside: readonly string[]
  /** Prepares the folder in which it is started. */
  readonly prepare?: (folder: string) => void
  /** Performs one real operation. @param printed the output when it was ready. */
  readonly use: (printed: string) => Promise<void>
  /** Checks that the result of `use` is still there. */
  readonly check: (printed: string) => Promise<void>
  /** The output of the code in its README. */
  readonly readmeSays: RegExp
}

const env = { NODE_TEST_CONTEXT: undefined, npm_command: undefined }
/** Texts that only make sense in this repository. */
const OURS = /TIDEMARK_|npm (start|run)|docs\/[\w-]+\.md/
/**
 * Starts a command as npx does, with a shell between the two, and keeps running. Only on Linux: on other
 * systems a process sees only its own parent.
 */
const STARTER = `
const { spawn } = require('node:child_process')
const [node, args] = [process.execPath, process.argv.slice(1)]
const options = { stdio: 'inherit', env: { ...process.env, npm_command: 'exec' } }
if (process.platform === 'linux') spawn('sh', ['-c', '"$0" "$@" & echo pid $!; wait $!', node, ...args], options)
else console.log('pid', spawn(node, args, options).pid)
setInterval(() => {}, 1000)`

/**
 * The compiler's errors in these files and in the types of a package they import, compiled as a user does.
 * Ignores errors in the types of other packages.
 */
function mistakesIn(folder: string, files: readonly string[], installed: string): readonly string[] {
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    {
      ...{ target: ts.ScriptTarget.ES2025, module: ts.ModuleKind.NodeNext, strict: true, noEmit: true },
      ...{ types: ['node'], typeRoots: [join(folder, 'node_modules/@types')], exactOptionalPropertyTypes: true },
    },
  )
  const own = program.getSourceFiles().filter(({ fileName }) => {
    const file = realpathSync(fileName)
    return file.startsWith(realpathSync(installed)) || files.some((each) => file === realpathSync(join(folder, each)))
  })
  assert.ok(own.length > files.length, 'no types of the package were checked')
  return [...program.getGlobalDiagnostics(), ...own.flatMap((file) => ts.getPreEmitDiagnostics(program, file))].map(
    ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

/** Ends a process that a failed test may have left behind. */
function end(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What each emulator promises to a user who installs only it. */
export function packedEmulatorSuite(emulator: EmulatorPackage): void {
  const { folder, args, beside, use, check } = emulator
  const packed = new Packed()
  // The package and its user have separate dependencies, so that one missing in its manifest is noticed.
  const alone = join(packed.folder, 'alone')
  const user = join(packed.folder, 'user')
  let installed: string
  let manifest: PackedManifest
  let bin: string
  const read = (file: string): string => readFileSync(join(installed, file), 'utf8')
  const command = (...given: readonly string[]): Command => new Command(bin, given, env, user)
  const start = async (): Promise<Command> => {
    const began = performance.now()
    const running = command('--port', '0', ...args)
    // The host prints the addresses of its functions before its own.
    await running.prints(folder === 'functions-host' ? '\nhttp://' : 'ready')
    startedMs.push(performance.now() - began)
    return running
  }
  const startedMs: number[] = []

  before(async () => {
    await packed.pack(folder)
    installed = join(alone, 'node_modules', `tidemark-${folder}`)
    manifest = packed.unpack(folder, installed)
    linkNamed(alone, namesIn(manifest))
    linkNamed(user, [...beside, '@types/node'])
    symlinkSync(installed, join(user, 'node_modules', manifest.name))
    writeFileSync(join(user, 'package.json'), '{ "type": "module" }')
    emulator.prepare?.(user)
    bin = join(installed, manifest.bin?.[manifest.name] ?? '')
  })
  after(() => packed.remove())

  describe(`the package tidemark-${folder}, installed alone`, () => {
    it('has what registries, bundlers and compilers need, and nothing of the repository', async (t) => {
      const { messages } = await publint({ pkgDir: installed, strict: true })
      assert.deepEqual(messages, [])
      const files = readdirSync(installed, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
      t.diagnostic(`${files.length} files`)
      assert.ok(files.length > 15)
      const others = files.filter((file) => !/^dist[\\/].*(\.d\.ts|\.js|\.js\.map|\.peggy)$/.test(file))
      assert.deepEqual(others.toSorted(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
      const code = files.filter((file) => file.endsWith('.js'))
      for (const file of code) assert.equal(OURS.exec(read(file))?.[0], undefined, file)
      for (const field of ['private', 'scripts', 'devDependencies']) assert.equal(manifest[field], undefined, field)
    })

    it('allows only imports of what it exports', async () => {
      const exported = Object.keys(manifest.exports)
      const outcome = async (path: string): Promise<string> => {
        const code = `import(${JSON.stringify(path)}).then(() => console.log('there'), ({ code }) => console.log(code))`
        writeFileSync(join(user, 'import.mjs'), code)
        return (await new Command('import.mjs', [], env, user).ended).out.trim()
      }
      // Importing `./main` would run the command, and package.json is not a module.
      const modules = exported.filter((name) => !['./main', './package.json'].includes(name))
      assert.ok(modules.length >= 1)
      for (const name of modules)
        assert.equal(await outcome(join(manifest.name, name).replace(/[\\]/g, '/')), 'there', name)
      for (const path of ['server.js', 'dist/index.js', 'kit/errors.js', 'host'])
        assert.equal(await outcome(`${manifest.name}/${path}`), 'ERR_PACKAGE_PATH_NOT_EXPORTED', path)
    })

    it('prints its flags and its version, and its README has the same flags', async () => {
      const { code, out } = await command('--help').ended
      assert.equal(code, 0)
      const flags = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag).filter((flag) => flag !== '--help')
      assert.ok(flags.length >= 5, out)
      const inReadme = [...read('README.md').matchAll(/^\| `(--[a-z-]+)/gm)].map(([, flag]) => flag)
      assert.deepEqual(inReadme, flags)
      const variables = (text: string): readonly string[] =>
        text.match(/\b[A-Z]+_[A-Z_]*(EMULATOR|HOST)_[A-Z_]+\b/g) ?? []
      for (const variable of variables(out)) assert.ok(read('README.md').includes(`\`${variable}\``), variable)
      assert.equal((await command('--version').ended).out.trim(), manifest.version)
    })

    it('refuses unknown arguments in one line, with exit code 2', async () => {
      for (const wrong of [['--prot', '1'], ['--port'], ['--port', '70000'], ['--version=1'], ['one', 'two']]) {
        const { code, out, err } = await command(...wrong).ended
        assert.equal(code, 2, `${wrong}: ${err}`)
        assert.equal(out, '')
        assert.match(err, /^[^\n]+\n$/)
      }
    })

    it('serves the unmodified SDK, ends on Ctrl-C, and keeps its data then and after SIGKILL', async (t) => {
      const first = await start()
      try {
        await use(first.output)
      } finally {
        first.kill('SIGINT')
      }
      assert.deepEqual([(await first.ended).code, first.err], [0, ''])
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        const again = await start()
        try {
          await check(again.output)
        } finally {
          again.kill(signal)
        }
        await again.ended
      }
      t.diagnostic(`ready after ${startedMs.map((each) => each.toFixed(0)).join(', ')} ms`)
    })

    it('ends when npx is killed without notice', async () => {
      let left: number | undefined
      const npx = new Command('-e', [STARTER, bin, '--port', '0', ...args], env, user)
      try {
        const [, pid = ''] = await until('its process', () => /^pid (\d+)$/m.exec(npx.output) ?? undefined)
        left = Number(pid)
        const [address = ''] = await until('the address', () => /(http|amqp):\/\/[\d.:]+/.exec(npx.output) ?? undefined)
        const answers = (): Promise<boolean> =>
          fetch(address.replace('amqp', 'http')).then(
            () => true,
            ({ cause }) => cause?.code !== 'ECONNREFUSED',
          )
        assert.ok(await answers())
        npx.kill('SIGKILL')
        await until('its port to be closed', async () => !(await answers()))
      } finally {
        npx.kill('SIGKILL')
        end(left)
      }
    })

    it('has self-contained types, and runs the code of its README', async () => {
      const [written] = listCodeBlocks(read('README.md')).filter(({ info }) => info === 'ts')
      writeFileSync(join(user, 'readme.ts'), written?.text ?? '')
      const names = Object.keys(manifest.exports).filter((name) => existsTyped(name))
      assert.ok(names.length >= 1)
      const imports = names.map((name, index) => `import * as all${index} from '${join(manifest.name, name)}'`)
      const used = names.map((_, index) => `all${index}`)
      writeFileSync(join(user, 'all.ts'), `${imports.join('\n')}\nconsole.log(${used})\n`)
      assert.deepEqual(mistakesIn(user, ['all.ts', 'readme.ts'], installed), [])
      const { code, out, err } = await new Command('readme.ts', [], env, user).ended
      assert.deepEqual([code, err], [0, ''], out)
      assert.match(out, emulator.readmeSays)
    })
  })

  function existsTyped(name: string): boolean {
    const target = manifest.exports[name]
    return typeof target === 'object' && target.types !== undefined && existsSync(join(installed, target.types))
  }
}
