import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../event-hubs/test/emulator.ts'
import { chosenTexts, randomTexts } from '../../functions-host/test/json-net/corpus.ts'
import { RECORDED, type Recorded, rewritten } from '../../functions-host/test/json-net/recorded.ts'

const run = promisify(execFile)
const PROJECT = fileURLToPath(new URL('./JsonNet/', import.meta.url))
const SEED = 20_261_128
const RANDOM_TEXTS = 20_000

const folder = await temporaryFolder()
after(() => folder.remove())
let program = ''

before(async () => {
  const artifacts = join(folder.path, 'artifacts')
  await run('dotnet', ['build', PROJECT, '-c', 'Release', '--artifacts-path', artifacts, '--nologo'])
  program = join(artifacts, 'bin', 'JsonNet', 'release', 'JsonNet.dll')
})

/** The result of Newtonsoft.Json for each text, on a server in UTC. */
async function byNewtonsoft(texts: readonly string[]): Promise<Recorded[]> {
  const options = { env: { ...process.env, TZ: 'UTC' }, maxBuffer: 2 ** 28 }
  const running = run('dotnet', [program], options)
  running.child.stdin?.end(JSON.stringify(texts))
  const made: (string | null)[] = JSON.parse((await running).stdout)
  assert.equal(made.length, texts.length)
  return texts.map((text, index) => [text, made[index] ?? null])
}

test('Newtonsoft.Json rewrites or rejects every text of the corpus as the local host does', async (t) => {
  const texts = [...chosenTexts, ...randomTexts(SEED, RANDOM_TEXTS)]
  const expected = await byNewtonsoft(texts)
  const changed = expected.filter(([text, made]) => made !== null && made !== text).length
  const unreadable = expected.filter(([, made]) => made === null).length
  t.diagnostic(`${texts.length} texts: ${changed} are changed, ${unreadable} cannot be read`)
  assert.ok(changed > RANDOM_TEXTS / 4 && unreadable > 100, 'the corpus is too weak')
  const differences = expected.flatMap(([text, made]) => {
    const [, ours] = rewritten(text)
    return ours === made ? [] : [{ text, made, ours }]
  })
  assert.deepEqual(differences.slice(0, 20), [], `${differences.length} texts are rewritten differently`)
})

test('the recorded results of Newtonsoft.Json for the ordinary tests are current', async (t) => {
  const recorded = await byNewtonsoft([...chosenTexts, ...randomTexts(1, 300)])
  if (process.env.TIDEMARK_TEST_RECORD) await writeFile(RECORDED, JSON.stringify(recorded))
  t.diagnostic(`${recorded.length} texts`)
  assert.ok(recorded.length > 0)
  const known: Recorded[] = JSON.parse(await readFile(RECORDED, 'utf8'))
  assert.deepEqual(known, recorded, 'record again: TIDEMARK_TEST_RECORD=1 npm run test:dotnet, then npm run format')
})
