import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { connectionStrings } from '../../test-support/connection-strings.ts'
import { listCodeBlocks } from '../../test-support/documented-code.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const source = fileURLToPath(new URL('../', import.meta.url))
/** The native compiler: docs/decisions/0037-two-compilers.md. */
const TSC = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript-7/package.json')))

interface Exported {
  /** The import path and the name: `tidemark/testing given`. */
  readonly name: string
  /** A class counts as a value. */
  readonly kind: 'value' | 'type'
  /** All its `@example`s, joined. */
  readonly example: string
}

/** Every function, class, constant and type that the package exports. */
function everyExport(): readonly Exported[] {
  const { exports } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>
  }
  const entries = Object.entries(exports).filter(([, file]) => file.endsWith('.ts'))
  const read = ts.readConfigFile(join(source, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, source)
  const program = ts.createProgram(
    entries.map(([, file]) => join(source, file)),
    options,
  )
  const checker = program.getTypeChecker()
  return entries.flatMap(([subpath, file]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(source, file)) ?? assert.fail(file))
    return checker
      .getExportsOfModule(module ?? assert.fail(file))
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
      .map((symbol) => ({
        name: `${subpath.replace('.', 'tidemark')} ${symbol.name}`,
        kind: symbol.flags & ts.SymbolFlags.Value ? 'value' : 'type',
        example: symbol
          .getJsDocTags(checker)
          .filter((tag) => tag.name === 'example')
          .map(({ text }) => ts.displayPartsToString(text))
          .join('\n'),
      }))
  })
}

/** The names that an example imports, in the form of `Exported.name`. */
function importedBy(code: string): readonly string[] {
  const { statements } = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest)
  return statements.filter(ts.isImportDeclaration).flatMap(({ importClause, moduleSpecifier }) => {
    const named = importClause?.namedBindings
    if (named === undefined || !ts.isNamedImports(named) || !ts.isStringLiteral(moduleSpecifier)) return []
    return named.elements.map(({ propertyName, name }) => `${moduleSpecifier.text} ${(propertyName ?? name).text}`)
  })
}

const entries = `
import {
  eventType,
  type EventOf,
  type ImmediateReaction,
  type SingleStreamView,
  type SchedulingReaction,
  type Service,
} from 'tidemark'
import * as z from 'zod'
import { entry, type Opened } from './entry.ts'

export const titles: SingleStreamView<{ title: string; openedAt: string }, Opened> = {
  kind: 'one-stream',
  name: 'titles',
  category: 'entry',
  filters: {},
  evolve: (_, { data, time }) => ({ ...data, openedAt: time }),
  sort: ({ openedAt }) => openedAt,
}

export const Unlocked = eventType('Unlocked', z.object({ title: z.string() }))
export type Unlocked = EventOf<typeof Unlocked>

export const firstEntries: ImmediateReaction<Unlocked> = {
  name: 'first-entries',
  service: 'doors',
  category: 'door',
  events: [Unlocked],
  startsAt: 'first',
  react: async ({ data }, send) => void (await send(entry, '1', 'first', { type: 'open', data })),
}

/** An hour after its door, an entry is opened. Examples bring it; the service does not list it. */
export const laterEntries: SchedulingReaction<Unlocked> = {
  name: 'later-entries',
  service: 'doors',
  category: 'door',
  events: [Unlocked],
  startsAt: 'first',
  schedules: true,
  react: ({ stream, time, data }, _send, sendLater) => {
    const due = new Date(Date.parse(time) + 3_600_000).toISOString()
    return sendLater(entry, stream, { commandId: 'later', due }, { type: 'open', data })
  },
}

export const entries: Service = {
  name: 'entries',
  deciders: [entry],
  publishes: [],
  views: [titles],
  reactions: [firstEntries],
}
`

describe('the examples in docstrings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-examples-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const all = everyExport().map(({ name, kind, example }, index) => {
    const [code] = listCodeBlocks(example).filter(({ info }) => info === 'ts')
    return { name, kind, file: `example-${index}.ts`, code: code?.text }
  })
  const values = all.filter(({ kind }) => kind === 'value')
  const types = all.filter(({ kind }) => kind === 'type')
  // These are type-checked and run.
  const examples = all.filter(({ code }) => code)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // The first decider of the README, and the types that the examples need besides.
  const [readme] = listCodeBlocks(readFileSync(join(source, 'README.md'), 'utf8')).filter(({ info }) => info === 'ts')
  const entryTypes = 'export type Open = CommandOf<typeof open>\nexport type Opened = EventOf<typeof Opened>\n'
  writeFileSync(join(folder, 'entry.ts'), `${readme?.text}\n${entryTypes}`)
  writeFileSync(join(folder, 'entries.ts'), entries)
  for (const { file, code = '' } of examples) writeFileSync(join(folder, file), code)

  it('exist for every exported function, class and constant', (t) => {
    assert.ok(values.length > 30, `only ${values.length} were checked`)
    t.diagnostic(`${values.length} examples`)
    assert.deepEqual(
      values.filter(({ code }) => !code).map(({ name }) => name),
      [],
    )
  })

  it("cover every exported type, in its own example or in another's imports", (t) => {
    const own = types.filter(({ code }) => code)
    t.diagnostic(`${types.length} types were checked, ${own.length} have an example of their own`)
    assert.ok(types.length >= 40, `only ${types.length} were checked`)
    const imported = new Set(examples.flatMap(({ code = '' }) => importedBy(code)))
    assert.deepEqual(
      types.filter(({ name, code }) => !code && !imported.has(name)).map(({ name }) => `no example shows ${name}`),
      [],
    )
  })

  it('pass the type checker', () => {
    const compilerOptions = {
      ...{ target: 'es2025', module: 'nodenext', strict: true, noEmit: true, exactOptionalPropertyTypes: true },
      ...{ allowImportingTsExtensions: true, skipLibCheck: true, moduleDetection: 'force', types: ['node'] },
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    const { status, stdout } = spawnSync(process.execPath, [TSC], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
  })

  // Examples of function apps register functions, so each needs its own process. All others share one.
  const apart = examples.filter(({ name }) => name.startsWith('tidemark/azure-functions '))
  const together = examples.filter((example) => !apart.includes(example))
  for (const group of [together, ...apart.map((example) => [example])])
    it(`run as they say: ${group.length === 1 ? group[0]?.name : `${group.length} in one process`}`, () => {
      const script = group.map(({ name, file }) => `console.log(${JSON.stringify(name)}); await import('./${file}')`)
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '--eval', [...script, 'process.exit()'].join('\n')],
        { cwd: folder, env: { ...env, ...connectionStrings }, encoding: 'utf8' },
      )
      assert.equal(status, 0, `${stdout.trimEnd().split('\n').at(-1)}\n${stderr}`)
    })
})
