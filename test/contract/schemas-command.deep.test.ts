import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { linkPackages } from '../../packages/test-support/linked-packages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const copy = mkdtempSync(join(tmpdir(), 'tidemark-schemas-'))
after(() => rmSync(copy, { recursive: true, force: true }))

const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'commit.gpgsign=false']
const git = (...args: string[]) => execFileSync('git', [...who, ...args], { cwd: copy, encoding: 'utf8' })

/** Runs `npm run schemas -- …` in a repository. */
function schemasIn(cwd: string, ...args: string[]): { status: number | null; out: string; errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['packages/cli/schemas.ts', ...args], {
    cwd,
    encoding: 'utf8',
  })
  return { status, out: stdout, errors: stderr }
}
const schemas = (...args: string[]) => schemasIn(copy, ...args)

function replace(file: string, what: string, by: string): void {
  const text = readFileSync(join(copy, file), 'utf8')
  assert.ok(text.includes(what), `${file} has no ${what}`)
  writeFileSync(join(copy, file), text.replace(what, by))
}
const json = (file: string) => JSON.parse(readFileSync(join(copy, file), 'utf8'))

// A repository with the real services and two commits: one without schemas, and the
// release.
before(() => {
  git('init', '--quiet')
  for (const name of ['package.json', '.gitattributes', 'local.settings.sample.json'])
    cpSync(join(root, name), join(copy, name))
  git('add', '.')
  git('commit', '--quiet', '-m', 'before')
  for (const name of ['src', 'functions', 'packages', 'schemas', 'docs', 'tidemark.config.ts'])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  git('add', '.')
  git('commit', '--quiet', '-m', 'release')
  git('tag', '--annotate', '--message', 'release', 'v1')
  git('tag', 'sha-of-a-file', git('rev-parse', 'HEAD:package.json').trim())
  linkPackages(copy)
})

/** Returns to the release. */
const reset = () => {
  git('checkout', '--quiet', 'v1', '--', '.')
  git('clean', '--quiet', '-fd', 'schemas')
}

describe('npm run schemas', () => {
  const contract = 'src/ordering/contract.ts'
  const confirmed = "eventType('OrderConfirmed', z.object({ orderId: z.string() }))"

  it('finds no change in a release with --check, nor against itself', () => {
    const { status, out, errors } = schemas('--check', '--against', 'v1')
    assert.deepEqual([status, errors], [0, ''])
    assert.match(
      out,
      /since v1 \([0-9a-f]{12}\): compared [1-9][0-9]* versions of events, [1-9][0-9]* samples, [1-9][0-9]* HTTP/,
    )
  })

  it('finds no change in a clone with the line ends of Windows', () => {
    const clone = mkdtempSync(join(tmpdir(), 'tidemark-schemas-clone-'))
    try {
      git('clone', '--quiet', '--config', 'core.autocrlf=true', '--config', 'core.eol=crlf', '.', clone)
      linkPackages(clone)
      const { status, errors } = schemasIn(clone, '--check', '--against', 'v1')
      assert.deepEqual([status, errors], [0, ''])
    } finally {
      rmSync(clone, { recursive: true, force: true })
    }
  })

  it('accepts a declared step: it writes the new version, and keeps the samples of the old one', () => {
    replace(
      contract,
      confirmed,
      `${confirmed}.additive(
      z.object({ orderId: z.string(), by: z.string() }), (data) => ({ ...data, by: 'nobody' }))`,
    )
    const stale = schemas('--check')
    assert.equal(stale.status, 1)
    assert.match(stale.errors, /schemas\/ordering\/contract\/OrderConfirmed\.v2\.json is missing/)
    assert.match(schemas().out, /[1-9][0-9]* files changed/)
    const { status, errors } = schemas('--check', '--against', 'v1')
    assert.deepEqual([status, errors], [0, ''])
    const samples = json('schemas/ordering/samples/OrderConfirmed.v1.json')
    assert.equal(samples.readAs, 2)
    for (const { data, read } of samples.samples) assert.deepEqual(read, { ...data, by: 'nobody' })
    const released = JSON.parse(git('show', 'v1:schemas/ordering/samples/OrderConfirmed.v1.json'))
    assert.deepEqual(
      samples.samples.map(({ data }: { data: unknown }) => data),
      released.samples.map(({ data }: { data: unknown }) => data),
    )
    reset()
  })

  it('refuses a release that was edited in place, names each event, and exits with 1', () => {
    replace(contract, 'const ended = z.object({', 'const ended = z.object({ by: z.string(),')
    schemas()
    const { status, errors } = schemas('--check', '--against', 'v1')
    assert.equal(status, 1)
    for (const type of ['OrderCancelled', 'OrderRejected'])
      for (const where of ['log', 'contract'])
        assert.match(
          errors,
          new RegExp(`^ordering: ${type} version 1 \\(${where}\\) was edited after its release: by`, 'm'),
        )
    assert.match(errors, /failed: 4 incompatible changes/)
    reset()
  })

  it('accepts a new version, and refuses an edited upcaster that the new version hides', () => {
    const events = 'src/inventory/events.ts'
    const step = '({ quantity: requested, ...data }) => ({ ...data, requested }),\n)'
    const more = `.additive(z.object({ sku: z.string(), orderId: z.string(), requested: units,
      available: z.int().nonnegative(), why: z.string() }), (data) => ({ ...data, why: 'sold out' }))`
    replace(events, step, `${step}${more}`)
    schemas()
    const { status, errors } = schemas('--check', '--against', 'v1')
    assert.deepEqual([status, errors], [0, ''])
    replace(events, '({ ...data, requested }),', '({ ...data, requested: requested + 1 }),')
    schemas()
    const edited = schemas('--check', '--against', 'v1')
    assert.equal(edited.status, 1)
    for (const sample of [1, 2, 3])
      assert.match(
        edited.errors,
        new RegExp(`UnitsDeclined\\.v1\\.json: sample ${sample} is read differently than at its release`),
      )
    reset()
  })

  it('refuses an edited sample, which only the comparison with a release can find', () => {
    replace('schemas/ordering/samples/OrderConfirmed.v1.json', '"orderId": "', '"orderId": "x')
    assert.equal(schemas('--check').status, 0)
    const { status, errors } = schemas('--check', '--against', 'v1')
    assert.equal(status, 1)
    assert.match(errors, /OrderConfirmed\.v1\.json: sample 1 was edited or removed/)
    reset()
  })

  it('refuses a removed route', () => {
    replace('src/shipping/service.ts', "'dispatch', 'deliver',", "'dispatch',")
    schemas()
    const { status, errors } = schemas('--check', '--against', 'v1')
    assert.equal(status, 1)
    assert.match(errors, /^POST \/shipping\/shipments\/\{id\}\/deliver is removed$/m)
    reset()
  })

  it("writes the code's refusals to docs/errors.md, and --check reports differences", () => {
    replace('src/ordering/order.ts', "'The order has already been placed.'", "'It was placed.'")
    assert.match(schemas('--check').errors, /docs\/errors\.md: the refusals of the domain/)
    schemas()
    assert.match(
      readFileSync(join(copy, 'docs/errors.md'), 'utf8'),
      /^\| `order-already-placed` +\| ordering +\| It was placed\./m,
    )
    assert.equal(schemas('--check').status, 0)
    reset()
  })

  it('removes files without a declaration, which --check names', () => {
    const stray = 'schemas/ordering/events/OrderLost.v1.json'
    writeFileSync(join(copy, stray), '{}')
    assert.match(schemas('--check').errors, new RegExp(`${stray} is not declared in the code`))
    assert.match(schemas().out, /; 1 files changed/)
    assert.ok(!existsSync(join(copy, stray)))
  })

  for (const [what, args, expected] of [
    ['an unknown commit', ['--check', '--against', 'v2'], /^git knows no commit v2 here: fetch it first\n$/],
    ['an option instead of a commit', ['--check', '--against=--all'], /^git knows no commit --all here/],
    [
      'a commit without schemas/',
      ['--check', '--against', 'v1~1'],
      /^v1~1 has no schemas\/: name a commit that has it\n$/,
    ],
    [
      'a tag of a file',
      ['--check', '--against', 'sha-of-a-file'],
      /^git knows no commit sha-of-a-file here: fetch it first\n$/,
    ],
    ['two commits', ['--check', '--against', 'v1', '--against', 'v1'], /^--against takes one commit\n$/],
    ['--against alone', ['--against', 'v1'], /^--against needs --check\n$/],
    ['an unknown option', ['--chek'], /^Unknown option '--chek'.* There are: --check --against NAME\n$/],
  ] as const)
    it(`reports in one line what is wrong: ${what}`, () => {
      const { status, errors } = schemas(...args)
      assert.equal(status, 1)
      assert.match(errors, expected)
    })
})
