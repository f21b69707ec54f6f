import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parse } from 'yaml'
import { services } from '../../packages/cli/project/config.ts'
import { RepositoryCopy } from '../../packages/test-support/repository-copy.ts'
import { until } from '../../packages/test-support/wait.ts'
import { Terminal } from '../support/terminal.ts'

describe('npm run new:service', () => {
  const copy = new RepositoryCopy()
  copy.copyBuild()
  after(() => copy.remove())

  const newService = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['packages/cli/new-service.ts', ...args], {
      cwd: copy.folder,
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }

  /** Every file and folder that the command could touch, with the hash of its content. */
  function everything(): readonly string[] {
    const folders = ['src', 'functions', 'packages', 'infra', 'schemas', 'test', 'docs']
    const all = folders.flatMap((folder) =>
      readdirSync(copy.path(folder), { recursive: true, withFileTypes: true }).map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return `${path} ${entry.isFile() ? hash('sha256', readFileSync(path)) : 'folder'}`
      }),
    )
    for (const file of ['azure.yaml', 'tidemark.config.ts'])
      all.push(`${file} ${hash('sha256', readFileSync(copy.path(file)))}`)
    assert.ok(all.length > 300, `only ${all.length} files and folders were checked`)
    return all.toSorted()
  }

  function edit(file: string, change: (text: string) => string): void {
    const text = readFileSync(copy.path(file), 'utf8')
    assert.notEqual(change(text), text)
    writeFileSync(copy.path(file), change(text))
  }

  const untouched = everything()
  /** The state before any service was added. */
  let before: readonly string[] = []

  for (const [args, message] of [
    [[], /^name one name: <name> \[--aggregate NAME\]$/],
    [['loyalty', 'points'], /^name one name/],
    [['loyalty', '--agregate', 'points'], /^Unknown option '--agregate'/],
    [['-loyalty'], /^Unknown option '-l'/],
    [['class'], /^class is a reserved word/],
    [['ordering'], /^there is already a service ordering$/],
    [['loyalty', '--aggregate', 'order'], /^order is an aggregate of ordering: name another one with --aggregate/],
  ] as const)
    it(
      `refuses ${args.map((arg) => JSON.stringify(arg.slice(0, 12))).join(' ') || 'no name'} ` +
        'in one line, and writes nothing',
      () => {
        const { status, stdout, stderr } = newService(...args)
        assert.deepEqual([status, stdout], [1, ''])
        assert.match(stderr.trimEnd(), message)
        assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
        assert.deepEqual(everything(), untouched)
      },
    )

  it('refuses a name whose folder exists', () => {
    mkdirSync(copy.path('src/begun'))
    assert.match(newService('begun').stderr, /^src\/begun already exists: nothing was written$/m)
  })

  for (const step of ['packages/cli/topology.ts', 'packages/cli/schemas.ts'])
    it(`restores everything when ${step} fails`, () => {
      const text = readFileSync(copy.path(step), 'utf8')
      writeFileSync(copy.path(step), `${text}\nprocess.exit(3)\n`)
      const before = everything()
      try {
        const { status, stderr } = newService('gift-cards')
        assert.equal(status, 1)
        assert.match(stderr, new RegExp(`${step} failed, and all changes were undone`))
        assert.deepEqual(everything(), before)
      } finally {
        writeFileSync(copy.path(step), text)
      }
    })

  it('restores everything when it is interrupted', async () => {
    const step = copy.path('packages/cli/topology.ts')
    const text = readFileSync(step, 'utf8')
    const before = everything().filter((line) => !line.startsWith(`${step} `))
    const marker = copy.path('interrupted-here')
    writeFileSync(
      step,
      `import { writeFileSync } from 'node:fs'\n` +
        `writeFileSync(${JSON.stringify(marker)}, '')\nsetInterval(() => {}, 1000)\n`,
    )
    try {
      const child = spawn(process.execPath, ['packages/cli/new-service.ts', 'gift-cards'], {
        cwd: copy.folder,
        detached: true,
      })
      const ended = once(child, 'close')
      let output = ''
      child.stderr.on('data', (chunk: Buffer) => {
        output += chunk
      })
      await until('the second step', () => {
        assert.equal(child.exitCode, null, output)
        return existsSync(marker)
      })
      process.kill(-(child.pid ?? 0), 'SIGINT')
      assert.deepEqual(await ended, [1, null], output)
      assert.deepEqual(
        everything().filter((line) => !line.startsWith(`${step} `)),
        before,
      )
    } finally {
      writeFileSync(step, text)
    }
  })

  it('writes services that pass the checks and the tests of all services', () => {
    before = everything()
    const { status, stdout, stderr } = newService('gift-cards', '--aggregate', 'card')
    assert.equal(status, 0, stderr)
    for (const file of ['contract', 'events', 'card', 'card-view', 'service'])
      assert.ok(stdout.includes(`src/gift-cards/${file}.ts`), stdout)
    assert.equal(newService('vouchers').status, 0)
    assert.match(readFileSync(copy.path('tidemark.config.ts'), 'utf8'), /services: \[.*giftCards, vouchers\]/)
    assert.deepEqual(Object.keys(parse(readFileSync(copy.path('azure.yaml'), 'utf8')).services), [
      ...services.map(({ name }) => name),
      'gift-cards',
      'vouchers',
    ])
    const terminal = new Terminal(copy.folder, {})
    // docs/add-a-service.md has a service checked by all of `npm run check`; what only concerns texts is left to it.
    terminal.run('npm run -s types\nnpm run -s imports\nnpm run -s schemas -- --check\n')
    terminal.run('npx biome check --error-on-warnings src functions tidemark.config.ts\n')
    const tests = ['unit/bundle', 'contract/schemas', 'contract/asyncapi'].map((name) => `test/${name}.test.ts`)
    const files = ['src/{gift-cards,vouchers}/*.test.ts', ...tests, 'test/infra/azure-yaml.test.ts'].join(' ')
    const output = terminal.run(`node --test --test-reporter=tap ${files}\n`)
    for (const name of ['gift-cards: card', 'vouchers: entry'])
      assert.match(output, new RegExp(`^# Subtest: ${name}$`, 'm'))
    assert.match(output, /^# fail 0$/m)
    console.log(`# ${/^# pass (\d+)$/m.exec(output)?.[1]} tests pass with two more services`)
    terminal.run('node --test --test-name-pattern="^documents" test/unit/repository.test.ts\n')
  })

  it('refuses to create the same service again', () => {
    const written = everything()
    const { status, stderr } = newService('gift-cards', '--aggregate', 'card')
    assert.equal(status, 1)
    assert.match(stderr, /^there is already .*gift-cards\n$/)
    assert.match(newService('tokens', '--aggregate', 'card').stderr, /^card is an aggregate of gift-cards/)
    assert.deepEqual(everything(), written)
  })

  it('leaves nothing of a service once its folder, functions file and lines in the list are deleted', () => {
    for (const name of ['gift-cards', 'vouchers'])
      for (const path of [`src/${name}`, `functions/${name}.ts`]) rmSync(copy.path(path), { recursive: true })
    edit('tidemark.config.ts', (text) =>
      text.replace(/^import \{ (giftCards|vouchers) \}.*\n/gm, '').replace(', giftCards, vouchers', ''),
    )
    new Terminal(copy.folder, {}).run('npm run -s topology\nnpm run -s schemas\n')
    // The checks generated the types of the console.
    assert.deepEqual(
      everything().filter((line) => !line.includes(join('console', 'generated'))),
      before,
    )
  })

  it('can start from a repository without services, whose checks and tests pass', async () => {
    for (const path of ['src', 'functions', 'test', 'bench']) rmSync(copy.path(path), { recursive: true })
    edit('tidemark.config.ts', (text) => text.replace(/^import .*src.*\n/gm, '').replace(/\[.*\]/, '[]'))
    const ports = ['HTTP', 'BLOB', 'EVENTHUBS', 'COSMOS'].map((part) => [`TIDEMARK_${part}_PORT`, '0'])
    const terminal = new Terminal(copy.folder, { ...Object.fromEntries(ports), CI: '' })
    terminal.run('npm run -s topology\nnpm run -s schemas\n')
    terminal.run('npm run -s types\nnpm run -s imports\nnpm run -s schemas -- --check\n')
    assert.deepEqual(parse(readFileSync(copy.path('azure.yaml'), 'utf8')).services, {})
    const tests = ['tidemark/test/core/*', 'cli/test/new-service', 'cli/test/commands/completions', 'kit/test/*'].map(
      (name) => `packages/${name}.test.ts`,
    )
    const output = terminal.run(`node --test --test-reporter=tap ${tests.join(' ')}\n`)
    assert.match(output, /^# fail 0$/m)
    const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1])
    assert.ok(passed > 100, `only ${passed} tests passed`)
    console.log(`# ${passed} tests pass without any service`)
    assert.throws(
      () => terminal.run('node packages/cli/demo.ts\n'),
      /the demo needs the shop: this project has no ordering/,
    )
    await terminal.start('node packages/cli/start.ts --fast', 'there is no service yet')
    await terminal.interrupt()
    assert.equal(newService('gift-cards').status, 0)
    assert.deepEqual(Object.keys(parse(readFileSync(copy.path('azure.yaml'), 'utf8')).services), ['gift-cards'])
  })
})
