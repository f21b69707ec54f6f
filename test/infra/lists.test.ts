import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { IndexingPolicy } from '@azure/cosmos'
import { buildTopology } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { cosmosEndpoint } from '../../packages/test-support/cosmos.ts'
import { listQueries } from '../../packages/tidemark/test/support/list-queries.ts'
import { at, deployed, selectType } from './support/deployed.ts'

const framework = fileURLToPath(new URL('../../packages/tidemark/', import.meta.url))

/** The index that a query needs: the paths of its equality filters, and its order with directions. */
interface Asked {
  readonly equal: readonly string[]
  readonly order: readonly { readonly path: string; readonly order: 'ascending' | 'descending' }[]
}

/** `c.a["b"]` as `/a/b`. */
const parsePath = (expression: string): string =>
  expression.replace(/^c/, '').replace(/\.(\w+)|\["([^"]+)"\]/g, (_, plain, quoted) => `/${plain ?? quoted}`)

const PATH = String.raw`c(?:\.\w+|\["[^"]+"\])+`

function askedBy(query: string): Asked {
  const [, where = ''] = / WHERE (.*?) ORDER BY /s.exec(query) ?? []
  const [, order = ''] = / ORDER BY (.*?)(?: OFFSET .*)?$/s.exec(query) ?? []
  return {
    equal: [...where.matchAll(new RegExp(`(${PATH}) = `, 'g'))].map(([, path = '']) => parsePath(path)),
    order: order.split(', ').map((term) => ({
      path: parsePath(/^\S+/.exec(term)?.[0] ?? ''),
      order: / DESC$/.test(term) ? 'descending' : 'ascending',
    })),
  }
}

type Index = readonly { readonly path: string; readonly order?: string }[]

/** Whether an index begins with the equality paths and continues in the query's order or its reverse. */
function serves(index: Index, { equal, order }: Asked): boolean {
  const sorted = order.filter(({ path }) => !equal.includes(path))
  const [first, rest] = [index.slice(0, equal.length), index.slice(equal.length)]
  const isTurned = rest[0]?.order !== sorted[0]?.order
  return (
    index.length === equal.length + sorted.length &&
    first.every(({ path }) => equal.includes(path)) &&
    rest.every((each, place) => each.path === sorted[place]?.path && (each.order !== sorted[place]?.order) === isTurned)
  )
}

const containers = selectType(
  deployed('prod').predictedResources,
  'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers',
)
const readPolicy = (container: unknown) => at(container, 'properties.resource.indexingPolicy') as IndexingPolicy

/** Paths of a log with a single-path index. */
const SINGLE: ReadonlySet<string> = new Set(['/stream', '/id', '/correlation'])

describe('the lists that services serve', () => {
  // A rule compares the indexes of every shape with the declared ones.
  it('have a composite index for each actual query', async (t) => {
    let looked = 0
    for (const service of services)
      for (const view of service.views) {
        const container = containers.find(({ id }) => id.endsWith(`/${service.name}/containers/${view.name}`))
        const indexes = readPolicy(container).compositeIndexes ?? []
        for (const { query } of await listQueries(view)) {
          looked++
          assert.ok(
            indexes.some((index) => serves(index as Index, askedBy(query))),
            `${view.name} has no index for ${query}`,
          )
        }
      }
    assert.ok(looked >= services.length * 2)
    t.diagnostic(`${looked} queries`)
  })

  it('are checked: a missing or different index fails', async () => {
    const queries = await listQueries({ filters: { status: ['new'] } })
    const [all = '', filtered = ''] = [queries[0]?.query, queries[4]?.query]
    const index = (...paths: readonly string[]): Index => paths.map((path) => ({ path, order: 'descending' }))
    assert.ok(serves(index('/kind', '/generation', '/sort'), askedBy(all)))
    assert.ok(serves(index('/kind', '/generation', '/document/status', '/sort'), askedBy(filtered)))
    assert.ok(!serves(index('/kind', '/generation', '/sort'), askedBy(filtered)))
    assert.ok(!serves(index('/kind', '/generation', '/document/status', '/sort'), askedBy(all)))
    assert.ok(!serves(index('/kind', '/sort', '/generation'), askedBy(all)))
    assert.ok(!serves(index(), askedBy(all)))
  })

  it('have an index for each combination of filters, within Azure’s limits', () => {
    const service = services.find(({ name }) => name === 'inventory')
    const [view] = service?.views ?? []
    assert.ok(service && view)
    const declared = {
      filters: { a: ['x'], b: 'string', 'c.d': 'number' },
      orders: { a: 'string', e: 'number' },
    } as const
    const [{ lists = [] } = {}] = buildTopology([{ ...service, views: [{ ...view, ...declared }] }]).services
    // 8 combinations of filters: each by sort key and by e, and half of them by a. One index serves two of them.
    assert.equal(lists.length, 19)
    assert.equal(new Set(lists.map(({ index }) => index.join())).size, 19)
    const longest = lists.find(({ index }) => index.length === 7)
    assert.deepEqual(longest?.index.slice(2), ['/document/a', '/document/b', '/document/c/d', '/document/e', '/sort'])
  })

  it('are the only ordered queries that need a composite index', (t) => {
    const ordered = readdirSync(framework, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        [
          ...readFileSync(join(framework, file), 'utf8').matchAll(
            /'(SELECT [^']* ORDER BY [^']*)'|`(SELECT [^`]* ORDER BY [^`]*)`/g,
          ),
        ].map(([, plain, query = plain ?? '']) => ({ file: file.replaceAll('\\', '/'), ...askedBy(query) })),
      )
    assert.ok(ordered.length >= 4, `only ${ordered.length} queries were found`)
    for (const { file, equal, order } of ordered) {
      // It builds its conditions at run time: its actual queries are tested above.
      if (file === 'cosmos/view-store.ts') continue
      // Verification reads everything anyway.
      if (file.startsWith('verify/')) continue
      // An order by one path needs only that path's index, and an equality filter has its own.
      assert.ok(equal.every((path) => SINGLE.has(path)) && order.length === 1, `${file} needs an index of its own`)
    }
    t.diagnostic(`${ordered.length} queries`)
  })

  it('have indexes that the emulator accepts', async (t) => {
    const { database, stop } = await cosmosEndpoint()
    try {
      let indexes = 0
      for (const container of containers) {
        const { compositeIndexes = [] } = readPolicy(container)
        const { resource } = await database.containers.create({
          id: container.id.split('/').slice(-3).join('-'),
          partitionKey: { paths: at(container, 'properties.resource.partitionKey.paths') as string[] },
          indexingPolicy: readPolicy(container),
        })
        assert.deepEqual(resource?.indexingPolicy?.compositeIndexes ?? [], compositeIndexes)
        indexes += compositeIndexes.length
      }
      assert.ok(indexes >= services.length)
      t.diagnostic(`${indexes} composite indexes`)
    } finally {
      await stop()
    }
  })
})
