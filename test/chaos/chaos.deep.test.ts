import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ALL_KINDS, CALL_FAULTS } from '../../packages/tidemark/test/simulation/faults.ts'
import type { History, HistoryOptions } from './history.ts'
import { loadSimulator } from './load.ts'
import { shrink } from './shrink.ts'
import { Totals } from './totals.ts'

const { runHistory } = await loadSimulator()
/** The last mutation that histories with all faults notice (mutations.ts) is noticed in history 164. */
const HISTORIES = 170
const SAME = 25

describe('chaos', () => {
  it('repeats a history exactly from its seed, whatever ran before', async (t) => {
    const seeds = Array.from({ length: SAME }, (_, index) => index + 1)
    const first = new Map<number, History>()
    for (const seed of seeds) first.set(seed, await runHistory({ seed }))
    for (const seed of seeds.toReversed()) {
      const { hash, moments, faults } = await runHistory({ seed, keepsLines: true })
      const before = first.get(seed)
      assert.deepEqual(
        { hash, moments, faults },
        { hash: before?.hash, moments: before?.moments, faults: before?.faults },
      )
    }
    const hashes = new Set([...first.values()].map(({ hash }) => hash))
    assert.equal(hashes.size, SAME, 'different seeds give different histories')
    t.diagnostic(`${SAME} histories twice`)
  })

  it(`keeps every invariant in ${HISTORIES} histories with faults`, async (t) => {
    const totals = new Totals()
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const history = await runHistory({ seed })
      totals.add(history)
      assert.deepEqual(history.violations, [], `npm run chaos -- --seed ${seed}`)
    }
    assert.deepEqual(totals.unseen(), [], 'every invariant was checked at least once')
    for (const kind of ALL_KINDS) assert.ok(totals.count(kind) > 0, `no ${kind} in ${HISTORIES} histories`)
    for (const line of totals.summary().split('\n')) t.diagnostic(line)
  })

  it('finds no violation and no fault in histories without faults', async () => {
    for (let seed = 1; seed <= SAME; seed += 1) {
      const { violations, faults } = await runHistory({ seed, kinds: new Set() })
      assert.deepEqual([violations, faults], [[], []])
    }
  })

  it('lets only the requested faults happen', async () => {
    for (const kind of CALL_FAULTS) {
      const { faults } = await firstWith(kind)
      assert.deepEqual(new Set(faults.map((fault) => fault.kind)), new Set([kind]))
    }
  })
})

/** The first history in which only this kind of fault happens. */
async function firstWith(kind: (typeof CALL_FAULTS)[number]): Promise<History> {
  for (let seed = 1; ; seed += 1) {
    const history = await runHistory({ seed, kinds: new Set([kind]) })
    if (history.faults.length > 0) return history
  }
}

describe('a failing history', () => {
  it('is reduced to what the violation needs', async () => {
    const whole = await runHistory({ seed: 1 })
    const [needed = '', other = ''] = [whole.faults[1]?.id, whole.faults[3]?.id]
    assert.ok(whole.faults.length > 4 && whole.steps.length > 2, 'there is something to leave out')
    /** Fails with two of its faults, one of its steps and two processes. */
    const run = async ({ faults = [], steps = [], maxProcesses = 3 }: HistoryOptions): Promise<History> => ({
      ...whole,
      steps,
      maxProcesses,
      faults: whole.faults.filter(({ id }) => faults.includes(id)),
      violations:
        faults.includes(needed) && faults.includes(other) && steps.includes(2) && maxProcesses >= 2
          ? [{ invariant: 'views', what: 'wrong' }]
          : [{ invariant: 'rest', what: 'a different violation' }],
    })
    const failing = { ...whole, violations: [{ invariant: 'views', what: 'wrong' }] } as const
    const { history, maxProcesses } = await shrink(run, failing, ALL_KINDS)
    assert.deepEqual(
      { faults: history.faults.map(({ id }) => id), steps: history.steps, maxProcesses },
      { faults: [needed, other], steps: [2], maxProcesses: 2 },
    )
  })
})

describe('npm run chaos', () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))

  /** Runs the command. @param onPrinted receives all output so far. @returns its exit code and output. */
  async function run(
    args: readonly string[],
    onPrinted: (all: string, kill: () => void) => void = () => {},
  ): Promise<{ readonly code: number | null; readonly printed: string }> {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        printed += chunk
        onPrinted(printed, () => child.kill('SIGINT'))
      })
    const [code] = await once(child, 'close')
    return { code, printed }
  }

  it('reports how many histories ran, and how fast', async () => {
    const { code, printed } = await run(['--seeds', '5', '--from', '7'])
    assert.equal(code, 0, printed)
    assert.match(printed, /histories {2}5 in .* a minute/)
    assert.match(printed, /failed {5}0/)
  })

  it('prints one history line by line, the same as in a run', async () => {
    const { hash, steps } = await runHistory({ seed: 3, faults: [], steps: [0, 1] })
    assert.deepEqual(steps, [0, 1])
    const { code, printed } = await run(['--seed', '3', '--faults', 'none', '--steps', '0,1'])
    assert.equal(code, 0, printed)
    assert.match(printed, new RegExp(`hash {2}${hash}`))
    assert.match(printed, /step 2 .*\(left out\)/)
  })

  it('stops at once when interrupted, and says how to continue', async () => {
    let isKilled = false
    const { code, printed } = await run(['--seeds', '1000000'], (_, kill) => {
      // Its first output is the progress bar, after its start.
      if (!isKilled) kill()
      isKilled = true
    })
    assert.equal(code, 130, printed)
    assert.match(printed, /stopped: the rest is npm run chaos -- --from \d+ --seeds \d+/)
  })

  it('refuses an unknown fault, and lists the known ones', async () => {
    const { code, printed } = await run(['--kind', 'flood'])
    assert.equal(code, 1)
    assert.match(printed, /unknown fault flood.*crash-after/)
  })
})
