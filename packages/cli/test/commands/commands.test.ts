import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Command as Parser } from 'commander'
import { Command } from '../../../test-support/command.ts'
import { until } from '../../../test-support/wait.ts'
import { exitCodes } from '../../tidemark/command/exit-codes.ts'
import { tidemark } from '../../tidemark/program.ts'
import { type Answering, answering, problem } from './answering.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const project = fileURLToPath(new URL('../project/', import.meta.url))
const tidemarkJs = join(root, 'packages/cli/tidemark.js')

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Command {
  return new Command(tidemarkJs, args, { NO_COLOR: undefined, TIDEMARK_URL: undefined, ...env }, project)
}

/** Runs a command against a fake server. */
async function against(t: TestContext, answer: Answering, ...args: readonly string[]) {
  const { address } = await answering(t, answer)
  return run([...args, '--url', `ordering=${address}`]).ended
}

function event(position: string, more: object = {}): object {
  const [stream, version] = position.split('@')
  return {
    ...{ id: `${version}`.padStart(16, '0'), stream, version: Number(version), source: '/ordering/order' },
    ...{ time: `2026-01-31T12:00:0${version}.000Z`, type: 'OrderPlaced', schemaVersion: 1, data: { n: 1 } },
    ...{ correlation: 'visit-1', causation: 'command:my-first', actor: 'ada', previousHash: '0', hash: '1' },
    ...more,
  }
}

describe('every command', () => {
  const all = (command: Parser): readonly Parser[] => [command, ...command.commands.flatMap(all)]
  const commands = all(tidemark()).filter((command) => !['complete', 'help'].includes(command.name()))

  it('has a description, and help with examples of itself', () => {
    assert.ok(commands.length > 20, `only ${commands.length} were checked`)
    for (const command of commands) {
      assert.ok(command.description(), command.name())
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      assert.match(
        help,
        new RegExp(`Examples:\\n(.*\\n)*.*tidemark .*${command.name() === 'tidemark' ? '' : command.name()}`),
        command.name(),
      )
    }
  })

  it('is in docs/cli.md, and so is every exit code', () => {
    const document = readFileSync(`${root}docs/cli.md`, 'utf8')
    for (const command of commands.slice(1))
      assert.match(document, new RegExp(`\`(tidemark )?(parked |views )?${command.name()}\\b`), command.name())
    for (const [code, meaning] of Object.entries(exitCodes))
      assert.match(document, new RegExp(`^\\| ${code} +\\| ${meaning.replace(/[.?()]/g, '\\$&')} +\\|$`, 'm'))
  })
})

describe('a command with its own module', () => {
  it('has the arguments, the messages and the exit codes of its module', async () => {
    const { code, err } = await run(['demo', '--ordres', '5']).ended
    assert.equal(code, 1)
    assert.match(err, /^Unknown option '--ordres'.* There are: --orders N/)
    const taken = await run(['new', 'ordering']).ended
    assert.deepEqual([taken.code, taken.err], [1, 'there is already a service ordering\n'])
  })

  it('prints its examples and its arguments for --help, and does nothing else', async () => {
    for (const name of ['start', 'dev', 'cloud', 'demo', 'chaos', 'new']) {
      const { code, out, err } = await run([name, '--help']).ended
      assert.deepEqual([code, err], [0, ''], name)
      assert.match(out, new RegExp(`Examples:\\n {2}tidemark ${name}\\b[^]*\\n(arguments: |[^\\n]*--)`), name)
    }
  })
})

describe('wrong usage', () => {
  const cases: readonly (readonly [args: readonly string[], line: RegExp])[] = [
    [[], /Usage: tidemark/],
    [['shwo', 'order-1'], /unknown command 'shwo'\n\(Did you mean show\?\)/],
    [['show'], /missing required argument 'stream'/],
    [['show', 'order-1', '--verison', '1'], /Did you mean --version\?/],
    [['show', 'order-1', '--version', '0'], /It must be a whole number, at least 1\./],
    [['show', 'basket-1'], /^no service has a stream basket-1; there are order-<id>, /],
    [['lag', '--service', 'baskets'], /Allowed choices are ordering, inventory, payments, shipping\./],
    [['rebuild', 'ordering', 'stock-level'], /^ordering has no view stock-level; it has order, /],
    [['tail', '--service', 'payments', '--category', 'order'], /^order is a category of ordering, not of payments$/m],
    [['parked', 'discard', 'ordering', '--reason', 'x'], /^select what to discard: by --stream/],
    [['parked', 'skip', 'ordering', '--stream', 'order-1'], /required option '--reason <text>' not specified/],
    [['forget', 'anna', '--yes'], /^give a --reason: it is stored for ever/],
    [['lag', '--url', 'https://example.com/?code=s3cret'], /--url takes no user, query or fragment/],
  ]
  for (const [args, line] of cases)
    it(`ends with 2: tidemark ${args.join(' ')}`, async () => {
      const { code, out, err } = await run(args).ended
      assert.deepEqual([code, out], [2, ''])
      assert.match(err, line)
      assert.doesNotMatch(err, /s3cret/)
    })
})

describe('an unexpected answer', () => {
  it('403: ends with 3, names the missing role, and shows no key', async (t) => {
    const { address } = await answering(t, ({ headers }, response) =>
      problem(
        response,
        403,
        'operator-only',
        `this is for those with the role Tidemark.Operator, ${headers.authorization}`,
      ),
    )
    const env = { TIDEMARK_TOKEN: 's3cret', TIDEMARK_URL: `ordering=${address}` }
    const { code, output, out } = await run(['lag'], env).ended
    assert.deepEqual([code, out], [3, ''])
    assert.match(output, /^ordering: operator-only: .* the role Tidemark\.Operator, Bearer \*\*\*\. Set TIDEMARK_TOKEN/)
  })

  it('a page that breaks off: ends with 3, and prints none of the earlier pages', async (t) => {
    const { code, out, err } = await against(
      t,
      ({ url }, response) => {
        if (!url.searchParams.has('continuation'))
          return {
            items: [{ stream: 'order-1', version: 1, time: '2026-01-31T12:00:00.000Z', types: [] }],
            continuation: 'x',
          }
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '999' })
        response.write('{"items": [{"stream":')
        setImmediate(() => response.destroy())
        return undefined
      },
      ...['streams', '--category', 'order'],
    )
    assert.deepEqual([code, out], [3, ''])
    assert.match(err, /^ordering: http:\S+streams\?category=order&limit=50&continuation=x gave no answer: /)
  })

  it('a closed output: ends with the next line', async (t) => {
    let at = 0
    const { address } = await answering(t, () => {
      at += 1
      return { items: [event(`order-${at}@1`)], continuation: `${at}` }
    })
    const command = `node ${tidemarkJs} tail --json --url ordering=${address} | head -1`
    const { promise, resolve } = Promise.withResolvers<string>()
    const { exec } = await import('node:child_process')
    exec(
      command,
      { cwd: project, env: { ...process.env, PATH: `${process.execPath}/..:${process.env.PATH}` } },
      (_, out) => resolve(out),
    )
    assert.equal(JSON.parse(await promise).stream, 'order-1')
  })
})

describe('tail', () => {
  it('prints whole lines of JSON, continues where it was, and ends with 130 on Ctrl-C', async (t) => {
    let at = 0
    const { address, asked } = await answering(t, ({ url }) => {
      assert.equal(url.searchParams.get('after'), at === 0 ? null : `after-${at}`)
      at += 1
      return {
        items: at < 4 ? [event(`order-${at}@1`, { data: { text: 'x'.repeat(10_000) } })] : [],
        continuation: `after-${at}`,
      }
    })
    const command = run(['tail', '--json', '--category', 'order', '--type', 'OrderPlaced', '--url', address])
    await until('three of them', () => command.out.split('\n').length > 3)
    command.kill('SIGINT')
    const { code, out, err } = await command.ended
    assert.deepEqual([code, err, out.at(-1)], [130, '', '\n'])
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      events.map(({ service, stream }) => [service, stream]),
      [1, 2, 3].map((n) => ['ordering', `order-${n}`]),
    )
    assert.match(asked[0]?.path ?? '', /\/events\?category=order&type=OrderPlaced&limit=10$/)
  })

  it('reports a silent service once, and continues without loss when it answers again', async (t) => {
    let calls = 0
    const { address } = await answering(t, ({ url }, response) => {
      calls += 1
      if (calls === 2 || calls === 3) return problem(response, 503, 'unavailable', 'the store is away')
      const after = Number(url.searchParams.get('after') ?? 0)
      return { items: [event(`order-${after + 1}@1`)], continuation: String(after + 1) }
    })
    const command = run(['tail', '--url', `ordering=${address}`])
    await command.prints('order-2@1')
    command.kill('SIGINT')
    const { code, out, err } = await command.ended
    assert.equal(code, 130)
    assert.equal(err, 'ordering: unavailable: the store is away\nordering: it answers again\n')
    assert.match(out, /order-1@1.*\n.*order-2@1/)
  })

  it('ends with 3 if no service answers', async (t) => {
    const { address, stop } = await answering(t, () => ({}))
    stop()
    const { code, out } = await run(['tail', '--url', address]).ended
    assert.deepEqual([code, out], [3, ''])
  })
})

describe('cause', () => {
  it('joins the events of the services, and ends with 3 if one is silent', async (t) => {
    const { address } = await answering(t, ({ url }, response) => {
      if (url.pathname === '/api/ordering/streams/order-1/events') return { items: [event('order-1@1')] }
      if (url.pathname === '/api/ordering/traces/visit-1')
        return {
          items: [event('order-1@1'), event('order-1@2', { causation: 'reservation-1@1', type: 'OrderConfirmed' })],
        }
      if (url.pathname === '/api/inventory/traces/visit-1')
        return { items: [event('reservation-1@1', { causation: 'order-1@1', type: 'StockReserved' })] }
      return problem(response, 503, 'unavailable', 'the store is away')
    })
    const { code, out, err } = await run(['cause', 'order-1@1', '--url', address]).ended
    assert.equal(code, 3)
    assert.match(err, /^payments, shipping: unavailable: the store is away\n/)
    assert.deepEqual(
      out.split('\n').map((line) => line.split('  2026')[0]?.trimEnd()),
      [
        'command:my-first',
        '└─ order-1@1 OrderPlaced             ordering',
        '   └─ reservation-1@1 StockReserved  inventory',
        '      └─ order-1@2 OrderConfirmed    ordering',
        '',
      ],
    )
  })

  it('shows an event that its correlation does not find, says so, and ends with 1', async (t) => {
    const answer: Answering = ({ path }) => ({ items: path.includes('/traces/') ? [] : [event('order-1@1')] })
    const { code, out, err } = await against(t, answer, 'cause', 'order-1@1')
    assert.equal(code, 1)
    assert.match(out, /^command:my-first\n└─ order-1@1 OrderPlaced +ordering/)
    assert.match(err, /^order-1@1 is not found by its correlation/m)
  })

  it('ends with 1 for an unknown correlation or version', async (t) => {
    const nothing: Answering = () => ({ items: [] })
    assert.equal((await against(t, nothing, 'cause', 'visit-9')).code, 1)
    const { code, err } = await against(t, nothing, 'cause', 'order-1@9')
    assert.deepEqual([code, err], [1, 'version-not-found: order-1 has no version 9\n'])
  })
})

describe('rebuild', () => {
  const rebuild = (state: string, more: object = {}): object => ({
    ...{ action: 'rebuild', state, stage: 'reading', target: 2, commits: 1, total: 9, by: 'ada', instance: 'i' },
    ...{ startedAt: '2026-01-31T12:00:00.000Z', updatedAt: '2026-01-31T12:00:09.000Z' },
    ...more,
  })
  const view = (of: object): object => ({
    items: [{ name: 'order', kind: 'one-stream', category: 'order', live: 1, generations: [], rebuild: of }],
  })

  it('waits for the end, even if a service is silent meanwhile, and ends with 1 if it failed', async (t) => {
    for (const [end, expected] of [
      [rebuild('done'), 0],
      [rebuild('failed', { code: 'log-empty', reason: 'no event' }), 1],
    ] as const) {
      let polls = 0
      const answer: Answering = ({ method }, response) => {
        if (method === 'POST') {
          response.statusCode = 202
          return rebuild('running')
        }
        polls += 1
        return polls === 2 ? problem(response, 503, 'unavailable', 'away') : view(polls < 3 ? rebuild('running') : end)
      }
      const { code, out, err } = await against(t, answer, 'rebuild', 'ordering', 'order')
      assert.deepEqual([code, err, polls], [expected, '', 3])
      assert.match(
        out,
        expected === 0 ? /^ordering\/order: rebuild of generation 2: done/ : /failed: log-empty: no event$/m,
      )
    }
  })

  it('without promotion shows the differences to the live view, and ends with 1 if there are any', async (t) => {
    const comparison = {
      compared: 9,
      changed: 2,
      added: 1,
      removed: 0,
      examples: [{ key: 'a\u001b', difference: 'added' }],
    }
    const { address, asked } = await answering(t, () =>
      rebuild('done', { action: 'build', stage: 'built', comparison }),
    )
    const { code, out } = await run(['views', 'rebuild', 'ordering', 'order', '--no-promote', '--url', address]).ended
    assert.deepEqual([code, asked.map(({ path }) => path)], [1, ['/api/ordering/views/order/build']])
    assert.equal(
      out,
      [
        'ordering/order: build of generation 2: done at 2026-01-31T12:00:09.000Z, 3 of 9 documents differ',
        'compared  changed  added  removed',
        '       9        2      1        0',
        '',
        'difference  document',
        'added       a\\u001b',
        '',
      ].join('\n'),
    )
  })

  const different = { compared: 9, changed: 1, added: 0, removed: 0, examples: [{ key: 'a', difference: 'changed' }] }
  const built = (comparison: object): object => rebuild('done', { action: 'build', stage: 'built', comparison })

  it('with --if-equal promotes what it built only if nothing differs', async (t) => {
    const equal = { ...different, changed: 0, examples: [] }
    for (const [comparison, expected, actions] of [
      [different, 1, ['build']],
      [equal, 0, ['build', 'promote-if-equal']],
    ] as const) {
      const { address, asked } = await answering(t, ({ path }) =>
        path.endsWith('/build') ? built(comparison) : rebuild('done', { action: 'promote-if-equal', stage: 'live' }),
      )
      const { code, out } = await run(['rebuild', 'ordering', 'order', '--if-equal', '--url', address]).ended
      assert.deepEqual([code, asked.map(({ path }) => path.split('/').at(-1))], [expected, actions])
      assert.match(out, expected === 0 ? /: promotion of generation 2: done at / : /1 of 9 documents differ$/m)
    }
    const refuses: Answering = () =>
      rebuild('failed', { action: 'promote-if-equal', code: 'generations-differ', reason: '1', comparison: different })
    const { code, out } = await against(t, refuses, 'views', 'promote', 'ordering', 'order', '--if-equal')
    assert.equal(code, 1)
    assert.match(out, /failed: generations-differ: 1\n.*\n +9 +1 +0 +0\n\ndifference +document\nchanged +a\n$/)
  })

  it('with --diff shows the fields that differ in both generations, and the events behind', async (t) => {
    const answer: Answering = ({ url }) => {
      if (url.pathname.endsWith('/build')) return built({ ...different, changed: 3 })
      if (url.pathname.endsWith('/events')) return { items: [event('order-1@1')] }
      const total = url.searchParams.get('generation') === '2' ? 7 : 5
      return { items: [{ key: url.searchParams.get('key'), document: { total, lines: [{ sku: 'tea' }] } }] }
    }
    const { code, out, err } = await against(t, answer, 'rebuild', 'ordering', 'order', '--diff')
    assert.equal(code, 1)
    assert.match(out, /^changed a\npath +what +live +built\ntotal +changed +5 +7\nevents: order-1@1 OrderPlaced\n$/m)
    assert.match(err, /^2 more differ: only the first 1 are named$/m)
    const json = await against(t, answer, 'rebuild', 'ordering', 'order', '--diff', '--json')
    const [{ differences }] = JSON.parse(json.out).documents
    assert.deepEqual(differences, [{ path: 'total', kind: 'changed', before: 5, after: 7 }])
  })

  it('sends promote, abandon and go-back under their names', async (t) => {
    for (const action of ['promote', 'abandon', 'go-back']) {
      const { address, asked } = await answering(t, () =>
        rebuild('failed', { action, code: 'nothing-built', reason: 'none' }),
      )
      const { code, out } = await run(['views', action, 'ordering', 'order', '--url', address]).ended
      assert.deepEqual([code, asked.map(({ path }) => path)], [1, [`/api/ordering/views/order/${action}`]])
      assert.match(out, /generation 2: failed: nothing-built: none$/m)
    }
  })

  it('continues after Ctrl-C stops the waiting, and says so', async (t) => {
    const { address, asked } = await answering(t, ({ method }) =>
      method === 'POST' ? rebuild('running') : view(rebuild('running')),
    )
    const command = run(['rebuild', 'ordering', 'order', '--url', address])
    await until('it to wait', () => asked.length > 1)
    command.kill('SIGINT')
    const { code, out, err } = await command.ended
    assert.deepEqual([code, out, err], [130, '', 'stopped waiting: the service goes on; see tidemark views\n'])
  })
})

describe('verify', () => {
  it('asks until all is checked, adds up the counts, and ends with 1 if something is wrong', async (t) => {
    const checked = { commits: 1, events: 2, receipts: 3, streams: 4 }
    const findings = [{ place: 'order-1@3', wrong: 'changed', detail: 'its hash is another' }]
    const bodies: string[] = []
    const answer: Answering = ({ body }) => {
      bodies.push(body)
      const last = bodies.length === 2
      return {
        checked,
        findings: last ? findings : [],
        found: last ? 1 : 0,
        progress: { done: bodies.length, total: 2 },
        ...(last ? {} : { continuation: 'c' }),
      }
    }
    const { code, out } = await against(t, answer, 'verify', 'ordering', '--json')
    assert.equal(code, 1)
    assert.deepEqual(JSON.parse(out), [
      { service: 'ordering', checked: { commits: 2, events: 4, receipts: 6, streams: 8 }, findings, found: 1 },
    ])
    assert.deepEqual(bodies, ['{}', '{"continuation":"c"}'])
  })
})

describe('parked', () => {
  it('skip asks only once, because a repeat would discard the next events too', async (t) => {
    const { address, asked } = await answering(t, () => ({
      items: [{ consumer: 'ordering-views', handler: 'order@1', stream: 'order-1', outcome: 'done' }],
      more: true,
    }))
    const args = ['parked', 'skip', 'ordering', '--code', 'handler-failed', '--reason', 'ticket 12', '--url', address]
    const { code, err } = await run(args).ended
    assert.deepEqual([code, asked.length], [1, 1])
    assert.equal(asked[0]?.body, '{"code":"handler-failed","reason":"ticket 12"}')
    assert.match(err, /^not everything selected was tried/)
  })
})
