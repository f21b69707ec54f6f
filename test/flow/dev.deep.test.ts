import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Client } from '../../packages/cli/demo/client.ts'
import { Command } from '../../packages/test-support/command.ts'
import { freePort, nobodyListens, ownSettings } from '../../packages/test-support/ports.ts'
import { RepositoryCopy } from '../../packages/test-support/repository-copy.ts'
import { until, WAIT_MS } from '../../packages/test-support/wait.ts'
import { Debugger } from '../support/debugger.ts'
import { placeBody } from '../support/orders.ts'

const DECIDER = 'src/ordering/order.ts'
const VIEW = 'src/ordering/order-view.ts'
/** Where the view of orders handles their first event. */
const EVOLVES = "    if (event.type === 'OrderPlaced') {\n"
/** The decider's refusal of a product in two lines. */
const SAID = 'is in more than one line'
const JSON_BODY = { 'content-type': 'application/json' }
/** The first line of the decider that runs for every order. */
const FIRST = '  const shippingAddress = toPrivateAddress(command.data.shippingAddress)\n'

describe('the sources of the services', () => {
  let copy: RepositoryCopy
  let env: Record<string, string>
  let decider: string
  let view: string
  let started: Command[] = []

  before(async () => {
    copy = new RepositoryCopy()
    copy.copyBuild()
    env = await ownSettings(copy.path('.tidemark'))
    decider = readFileSync(copy.path(DECIDER), 'utf8')
    view = readFileSync(copy.path(VIEW), 'utf8')
    assert.ok(view.includes(EVOLVES))
    for (const text of [SAID, FIRST]) assert.ok(decider.includes(text), text)
  })
  afterEach(async () => {
    const running = started
    started = []
    for (const command of running) command.kill('SIGINT')
    await Promise.all(running.map(({ ended }) => ended))
    writeFileSync(copy.path(DECIDER), decider)
    writeFileSync(copy.path(VIEW), view)
  })
  after(() => copy.remove())

  const node = (...args: readonly string[]): unknown =>
    execFileSync(process.execPath, args, { cwd: copy.folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const start = (args: readonly string[], settings: Record<string, string> = {}): Command => {
    const command = new Command('packages/cli/start.ts', args, { ...env, ...settings }, copy.folder)
    started.push(command)
    return command
  }
  /** Saves like an editor: a reader finds either the old or the new text. */
  const save = (file: string, text: string): void => {
    writeFileSync(copy.path(`${file}.tmp`), text)
    renameSync(copy.path(`${file}.tmp`), copy.path(file))
  }
  const client = (): Client => new Client(`http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}/api/ordering`, WAIT_MS)
  const orders = (): string => `http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}/api/ordering/orders`
  const [line] = placeBody.lines
  /** Sent once, without retries: a reload must not show in a status. */
  const refusal = async (): Promise<string> => {
    const body = JSON.stringify({ ...placeBody, lines: [line, line] })
    const answer = await fetch(orders(), { method: 'POST', headers: JSON_BODY, body })
    assert.equal(answer.status, 409)
    return ((await answer.json()) as { detail: string }).detail
  }
  const placed = async (): Promise<string> => {
    const { status, body } = await client().post('/orders', placeBody, {})
    assert.equal(status, 201)
    return `/orders/${body.id}?position=${encodeURIComponent(body.position)}`
  }
  const readStatus = async (path: string): Promise<number> => (await client().get(path)).status
  const savedUntil = async (t: TestContext, said: string): Promise<void> => {
    const began = performance.now()
    save(DECIDER, decider.replace(SAID, said))
    await until('the new refusal', async () => (await refusal()) === `tea ${said}`)
    t.diagnostic(`${Math.round(performance.now() - began)} ms from the save to the new answer`)
  }
  /** The number of the first line that contains a text. */
  const findLine = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length

  it('are reloaded when saved, for their service only, and the data is kept', async (t) => {
    const dev = start(['--watch'])
    await dev.prints('ready: ')
    const first = await placed()
    assert.equal(await readStatus(first), 200)
    assert.equal(await refusal(), `tea ${SAID}`)
    await savedUntil(t, 'stands there twice')
    assert.equal(await readStatus(first), 200)
    // The new host owns the partitions of the hub.
    assert.equal(await readStatus(await placed()), 200)
    await savedUntil(t, 'stands there again')
    assert.doesNotMatch(dev.output, /^(inventory|payments|shipping) +answers/m)

    dev.kill('SIGINT')
    assert.equal((await dev.ended).code, 0, dev.output)
    await nobodyListens(env)
    const again = start(['--watch'])
    await again.prints('ready: ')
    assert.equal(await readStatus(first), 200)
    assert.equal(await refusal(), 'tea stands there again')
  })

  it('with an error are reported with their place, and the old ones run until it is fixed', async (t) => {
    const dev = start(['--watch'])
    await dev.prints('ready: ')
    const broken = `${decider}export const broken: = 1\n`
    save(DECIDER, broken)
    await dev.prints('the previous code keeps running')
    const place = `${DECIDER}:${findLine(broken, 'export const broken')}`
    assert.ok(dev.output.includes(place), `${place} is missing: ${dev.output}`)
    assert.equal(await refusal(), `tea ${SAID}`)
    dev.output = ''
    save(DECIDER, `import { away } from './away.ts'\n${decider}`)
    await dev.prints('away.ts')
    await dev.prints('the previous code keeps running')
    assert.equal(await refusal(), `tea ${SAID}`)
    await savedUntil(t, 'was mended')
  })

  it('with an error in the list of services are reported with their place, and nothing is started', async () => {
    const lines = decider.trimEnd().split('\n').length
    save(DECIDER, `${decider}export const broken: = 1\n`)
    const { code, output } = await start(['--watch']).ended
    assert.equal(code, 1)
    assert.ok(output.includes(`${DECIDER}:${lines + 1}`), output)
    await nobodyListens(env)
  })

  it('with an error at the start wait until it is fixed, while other services run', async () => {
    const file = 'functions/ordering.ts'
    const functions = readFileSync(copy.path(file), 'utf8')
    save(file, `${functions}throw new Error('planted')\n`)
    const dev = start(['--watch'])
    await dev.prints('ready: ')
    assert.match(dev.output, /^ordering +cannot be started: .* planted: it waits for the next save$/m)
    assert.equal((await fetch(`http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}/api/payments/streams/x-1/state`)).status, 404)
    save(file, functions)
    await dev.prints('runs the saved code')
    assert.equal(await refusal(), `tea ${SAID}`)
  })

  it('stop in a debugger, also after a save', async () => {
    const ports = { TIDEMARK_DEBUG_PORT: String(await freePort()) }
    const dev = start(['--watch', '--inspect'], ports)
    await dev.prints('ready: ')
    const listening = /^ordering +Debugger listening on (ws:\S+)$/gm
    const debuggers = (): string[] => [...dev.output.matchAll(listening)].map(([, address = '']) => address)
    const file = pathToFileURL(copy.path(DECIDER)).href
    for (const [times, text] of [decider, `\n\n${decider}`].entries()) {
      if (times > 0) save(DECIDER, text)
      const [address = ''] = (await until('a debugger', debuggers, (seen) => seen.length > times)).slice(times)
      assert.ok(address.includes(`:${ports.TIDEMARK_DEBUG_PORT}/`), address)
      const session = await Debugger.connect(address)
      const expected = findLine(text, FIRST)
      await session.breakAt(file, expected)
      const order = placed()
      const { url, line: stoppedAt } = await session.stopped()
      assert.deepEqual([url, stoppedAt], [file, expected])
      await session.close()
      assert.equal(await readStatus(await order), 200)
    }
  })

  for (const [form, args] of [
    ['source', ['--watch']],
    ['built', ['--service', 'ordering']],
  ] as const)
    it(`are named in the logged errors of ${form}, with file and line`, async () => {
      const thrower = `  if (customerId === 'decider') throw new TypeError('planted')\n`
      const inDecider = decider.replace(FIRST, `${FIRST}${thrower}`)
      const inView = view.replace(
        EVOLVES,
        `${EVOLVES}    if (event.data.customerId === 'view') throw new TypeError('planted')\n`,
      )
      save(DECIDER, inDecider)
      save(VIEW, inView)
      if (form === 'built')
        node(join('node_modules', 'typescript', 'bin', 'tsc'), '-b', 'tsconfig.build.json', '--noCheck')
      const running = start(args)
      await running.prints('ready: ')
      for (const [customerId, file, text, status, shown] of [
        // A decider with a subject has personal texts, which its message may hold.
        ['decider', DECIDER, inDecider, 500, 'threw TypeError'],
        ['view', VIEW, inView, 201, 'planted'],
      ] as const) {
        running.output = ''
        const body = JSON.stringify({ ...placeBody, customerId })
        const answer = await fetch(orders(), { method: 'POST', headers: JSON_BODY, body })
        assert.equal(answer.status, status)
        await running.prints(shown)
        await running.prints(`${file}:${findLine(text, "'planted'")}:`)
      }
    })
})
