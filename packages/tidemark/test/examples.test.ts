import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { connectionStrings } from '../../test-support/connection-strings.ts'
import { codeBlocksOf } from '../../test-support/documented-code.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const source = fileURLToPath(new URL('../', import.meta.url))

interface Exported {
  /** As it is imported: `tidemark/testing given`. */
  readonly name: string
  /** Of its `@example`s, all together. */
  readonly example: string
}

/** Every function, class and constant that the package exports. */
function exportedValues(): readonly Exported[] {
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
      .filter((symbol) => symbol.flags & ts.SymbolFlags.Value)
      .map((symbol) => ({
        name: `${subpath.replace('.', 'tidemark')} ${symbol.name}`,
        example: symbol
          .getJsDocTags(checker)
          .filter((tag) => tag.name === 'example')
          .map(({ text }) => ts.displayPartsToString(text))
          .join('\n'),
      }))
  })
}

const entries = `
import { eventType, type ImmediateReaction, type EventOf, type OneStreamView, type Service } from 'tidemark'
import * as z from 'zod'
import { entry, type Opened } from './entry.ts'

export const titles: OneStreamView<{ title: string; openedAt: string }, Opened> = {
  kind: 'one-stream',
  name: 'titles',
  category: 'entry',
  filters: {},
  evolve: (_, { data, time }) => ({ ...data, openedAt: time }),
  sort: ({ openedAt }) => openedAt,
}

const Unlocked = eventType('Unlocked', z.object({ title: z.string() }))

export const firstEntries: ImmediateReaction<EventOf<typeof Unlocked>> = {
  name: 'first-entries',
  service: 'doors',
  category: 'door',
  events: [Unlocked],
  startsAt: 'first',
  react: async ({ data }, send) => void (await send(entry, '1', 'first', { type: 'open', data })),
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
  const exported = exportedValues()
  const examples = exported.map(({ name, example }, index) => {
    const [code] = codeBlocksOf(example).filter(({ info }) => info === 'ts')
    return { name, file: `example-${index}.ts`, code: code?.text }
  })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // The decider that the README begins with, and what the examples have besides.
  const [readme] = codeBlocksOf(readFileSync(join(source, 'README.md'), 'utf8')).filter(({ info }) => info === 'ts')
  const types = 'export type Open = CommandOf<typeof open>\nexport type Opened = EventOf<typeof Opened>\n'
  writeFileSync(join(folder, 'entry.ts'), `${readme?.text}\n${types}`)
  writeFileSync(join(folder, 'entries.ts'), entries)
  for (const { file, code = '' } of examples) writeFileSync(join(folder, file), code)

  it('are of every function, class and constant that is exported', (t) => {
    assert.ok(exported.length > 30, `only ${exported.length} were looked at`)
    t.diagnostic(`${exported.length} examples`)
    assert.deepEqual(
      examples.filter(({ code }) => !code).map(({ name }) => name),
      [],
    )
  })

  it('have the types that they seem to have', () => {
    const compilerOptions = {
      ...{ target: 'es2025', module: 'nodenext', strict: true, noEmit: true, exactOptionalPropertyTypes: true },
      ...{ allowImportingTsExtensions: true, skipLibCheck: true, moduleDetection: 'force', types: ['node'] },
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc'], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
  })

  // Those of function apps register functions, each in a process of its own; all others run in one.
  const apart = examples.filter(({ name }) => name.startsWith('tidemark/azure-functions '))
  const together = examples.filter((example) => !apart.includes(example))
  for (const group of [together, ...apart.map((example) => [example])])
    it(`do what they say: ${group.length === 1 ? group[0]?.name : `${group.length} in one process`}`, () => {
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
