import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Plan, planUpgrade, UNKNOWN } from '../../upgrade/plan.ts'
import type { Rename } from '../../upgrade/renames.ts'
import { buildStamp, STAMP, type Stamp, stampText, type Template } from '../../upgrade/template.ts'
import { makeChanges } from '../../upgrade/write.ts'

type Files = Readonly<Record<string, string>>

const [MODULE, MAIN] = ['infra/tidemark/a.bicep', 'infra/main.bicep']

function template(
  version: string,
  own: Files,
  more: Partial<Omit<Template, 'own' | 'started'>> & { started?: Files } = {},
): Template {
  const { started = {}, ...others } = more
  return {
    ...{ version, host: '{}', settings: '{ "Values": {} }', scripts: {}, ...others },
    own: new Map(Object.entries(own)),
    started: new Map(Object.entries(started)),
  }
}

/** A project created from a template, with the edits made since. */
class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemark-upgrade-'))
  readonly stamp: Stamp

  constructor(t: TestContext, made: Template, edited: Files = {}) {
    t.after(() => rmSync(this.folder, { recursive: true }))
    this.stamp = buildStamp(made)
    const files: Files = {
      ...Object.fromEntries([...made.own, ...made.started]),
      ...{ [STAMP]: stampText(this.stamp), 'host.json': made.host, 'local.settings.sample.json': made.settings },
      'package.json': JSON.stringify({ name: 'shop', scripts: made.scripts }),
      ...edited,
    }
    for (const [path, text] of Object.entries(files)) this.write(path, text)
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  plan(next: Template, renames: readonly Rename[] = [], stamp = this.stamp): Promise<Plan> {
    return planUpgrade(this.folder, stamp, next, renames)
  }
}

/** The lines of a plan, without the change of the stamp. */
const summarize = ({ lines, left, edited }: Plan): readonly string[] => [
  ...lines,
  ...left,
  ...edited.map(({ path }) => `edited ${path}`),
]

describe('a file of Tidemark’s', () => {
  const first = template('0.1.0', { [MODULE]: 'a1\n' })

  it('that was edited stops the upgrade if the new version differs', async (t) => {
    const project = new Project(t, first, { [MODULE]: 'mine\n' })
    const plan = await project.plan(template('0.2.0', { [MODULE]: 'a2\n' }))
    assert.deepEqual(plan.edited, [{ path: MODULE, before: 'mine\n', after: 'a2\n' }])
  })

  it('that was edited stops the upgrade if the new version removes it', async (t) => {
    const project = new Project(t, first, { [MODULE]: 'mine\n' })
    assert.deepEqual(summarize(await project.plan(template('0.2.0', {}))), [`edited ${MODULE}`])
  })

  it('that the adopter created stops the upgrade if the new version adds the same file', async (t) => {
    const project = new Project(t, first, { 'infra/tidemark/b.bicep': 'mine\n' })
    const next = template('0.2.0', { [MODULE]: 'a1\n', 'infra/tidemark/b.bicep': 'b\n' })
    assert.deepEqual(summarize(await project.plan(next)), ['edited infra/tidemark/b.bicep'])
  })

  it('that was edited stays and is reported if the new version changes nothing', async (t) => {
    const project = new Project(t, first, { [MODULE]: 'mine\n' })
    const plan = await project.plan(template('0.2.0', { [MODULE]: 'a1\n' }))
    assert.deepEqual(summarize(plan), [`kept     ${MODULE}, which you have edited`])
    assert.deepEqual(
      plan.changes.map(({ path }) => path),
      [STAMP],
    )
  })

  it('that was not edited is replaced, removed or added; the adopter’s own file stays', async (t) => {
    const project = new Project(t, template('0.1.0', { [MODULE]: 'a1\n', 'infra/tidemark/gone.bicep': 'g' }), {
      'infra/tidemark/own.bicep': 'own',
    })
    const plan = await project.plan(template('0.2.0', { [MODULE]: 'a2\n', 'infra/tidemark/new.bicep': 'n' }))
    assert.deepEqual(summarize(plan), [
      `updated  ${MODULE}`,
      'added    infra/tidemark/new.bicep',
      'removed  infra/tidemark/gone.bicep',
    ])
  })

  it('that Git wrote with Windows line ends does not count as edited', async (t) => {
    const project = new Project(t, first, { [MODULE]: 'a1\r\n' })
    assert.deepEqual(summarize(await project.plan(template('0.2.0', { [MODULE]: 'a2\n' }))), [`updated  ${MODULE}`])
    assert.deepEqual((await project.plan(first)).changes, [])
  })

  it('that is missing is written again', async (t) => {
    const project = new Project(t, first)
    rmSync(join(project.folder, MODULE))
    assert.deepEqual(summarize(await project.plan(first)), [`added    ${MODULE}`])
  })

  it('counts as edited if the project has no stamp', async (t) => {
    const project = new Project(t, first)
    assert.deepEqual(summarize(await project.plan(template('0.2.0', { [MODULE]: 'a2\n' }), [], UNKNOWN)), [
      `edited ${MODULE}`,
    ])
  })
})

describe('a file that a project begins with', () => {
  const first = template('0.1.0', {}, { started: { [MAIN]: 'm1\n' } })
  const next = template('0.2.0', {}, { started: { [MAIN]: 'm2\n', 'infra/new.bicepparam': 'n' } })

  it('stays if it was edited, and the upgrade says what to compare', async (t) => {
    const project = new Project(t, first, { [MAIN]: 'mine\n' })
    const plan = await project.plan(next)
    assert.deepEqual(summarize(plan), [
      'added    infra/new.bicepparam',
      `by hand  ${MAIN} is yours, and Tidemark's has changed: ` +
        `compare it with node_modules/tidemark-infra/project/${MAIN}`,
    ])
    assert.deepEqual(plan.edited, [])
    assert.deepEqual(summarize(await project.plan(template('0.2.0', {}, { started: { [MAIN]: 'm1\n' } }))), [])
  })

  it('is replaced if it was not edited', async (t) => {
    const plan = await new Project(t, first).plan(next)
    assert.deepEqual(summarize(plan), [`updated  ${MAIN}`, 'added    infra/new.bicepparam'])
  })

  it('is not restored if it was deleted, and stays if it has left the template', async (t) => {
    const project = new Project(t, first)
    assert.deepEqual(summarize(await project.plan(template('0.2.0', {}))), [])
    rmSync(join(project.folder, MAIN))
    assert.deepEqual((await project.plan(first)).changes, [])
  })
})

describe('a merged file', () => {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
  const settings = (values: Files): string => json({ IsEncrypted: false, Values: values })
  const first = template(
    '0.1.0',
    {},
    {
      host: json({ version: '2.0', http: { routePrefix: 'api' }, batch: 1 }),
      settings: settings({ A: '1', B: '1' }),
      scripts: { start: 'tidemark start', test: 'node --test' },
    },
  )
  const next = template(
    '0.2.0',
    {},
    {
      host: json({ version: '2.0', http: { routePrefix: 'api', dynamic: true }, batch: 2 }),
      settings: settings({ A: '2', B: '1', C: '3' }),
      scripts: { start: 'tidemark start --new', test: 'node --test --all', more: 'tidemark more' },
    },
  )

  it('keeps the adopter’s values, keys and removals, and reports what is left to do', async (t) => {
    const project = new Project(t, first, {
      'host.json': json({ version: '2.0', own: [], http: { routePrefix: 'rest' }, batch: 9 }),
      'local.settings.sample.json': settings({ B: 'mine', OWN: 'x' }),
      'package.json': json({
        name: 'shop',
        scripts: { test: 'mine', start: 'tidemark start', lint: 'biome' },
        type: 'module',
      }),
    })
    const plan = await project.plan(next)
    assert.deepEqual(summarize(plan), [
      'merged   host.json: http.dynamic: added, true',
      'merged   local.settings.sample.json: C: added, "3"',
      'merged   package.json: scripts.start: "tidemark start" → "tidemark start --new"',
      'merged   package.json: scripts.more: added, "tidemark more"',
      'by hand  host.json: batch: yours is 9, and Tidemark now has 2',
      'by hand  package.json: scripts.test: yours is "mine", and Tidemark now has "node --test --all"',
    ])
    makeChanges(project.folder, plan.changes)
    assert.equal(
      project.read('host.json'),
      json({ version: '2.0', own: [], http: { routePrefix: 'rest', dynamic: true }, batch: 9 }),
    )
    // The adopter removed A, and values of settings belong to the project.
    assert.equal(project.read('local.settings.sample.json'), settings({ B: 'mine', OWN: 'x', C: '3' }))
    assert.equal(
      project.read('package.json'),
      json({
        name: 'shop',
        scripts: { test: 'mine', start: 'tidemark start --new', lint: 'biome', more: 'tidemark more' },
        type: 'module',
      }),
    )
    assert.deepEqual(await project.plan(next, [], buildStamp(next)), { changes: [], lines: [], left: [], edited: [] })
  })

  it('stays the same, byte by byte, if nothing in it changes', async (t) => {
    const project = new Project(t, first, {
      'host.json': '{"version":"2.0","http":{"routePrefix":"api"},"batch":1}',
      [STAMP]: JSON.stringify(buildStamp(first)),
    })
    assert.deepEqual((await project.plan(first)).changes, [])
  })

  it('is refused in one line if it is not JSON', async (t) => {
    const project = new Project(t, first, { 'host.json': '{ "version": ' })
    await assert.rejects(project.plan(next), { name: 'UsageError', message: /^host\.json is not JSON: .*$/ })
  })
})

describe('a renamed name', () => {
  const rename = { version: '0.2.0', module: 'tidemark', name: 'old', to: 'mid' }
  const later = { version: '0.3.0', module: 'tidemark', name: 'mid', to: 'fresh' }
  const source = "import { old } from 'tidemark'\nold()\n"
  const first = template('0.1.0', {})

  it('is changed in the project’s sources, not in installed, built or hidden files', async (t) => {
    const others = ['node_modules/x/a.ts', 'dist/a.ts', 'bundles/a.ts', '.tidemark/a.ts', 'src/node_modules/x/a.ts']
    const paths = ['tidemark.config.ts', 'src/a/b.ts', 'test/a.mts', ...others]
    const project = new Project(t, first, Object.fromEntries(paths.map((path) => [path, source])))
    const plan = await project.plan(template('0.2.0', {}), [rename, later])
    assert.deepEqual(
      summarize(plan),
      ['src/a/b.ts', 'test/a.mts', 'tidemark.config.ts'].map(
        (path) => `renamed  ${path}: old of tidemark is mid, 2 places`,
      ),
    )
    makeChanges(project.folder, plan.changes)
    assert.equal(project.read('src/a/b.ts'), source.replaceAll('old', 'mid'))
    assert.equal(project.read('dist/a.ts'), source)
  })

  it('that was renamed twice gets its newest name, from any version', async (t) => {
    const project = new Project(t, first, { 'src/a.ts': source })
    const plan = await project.plan(template('0.3.0', {}), [rename, later])
    assert.equal(plan.changes[0]?.after, source.replaceAll('old', 'fresh'))
    assert.deepEqual(summarize(await project.plan(first, [rename, later])), [])
  })
})
