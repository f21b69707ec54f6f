import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { BlobServiceClient, type BlockBlobClient } from '@azure/storage-blob'
import { Command } from '../../../packages/test-support/command.ts'
import { until } from '../../../packages/test-support/wait.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import type { World } from './world.ts'

/** The errors of `tidemark archive` and `tidemark restore`, on what the running service wrote. */
export function archives(world: () => World, errors: WitnessedErrors): void {
  const segment = (number: number): BlockBlobClient =>
    BlobServiceClient.fromConnectionString(world().system.settings.ArchiveStorage ?? '')
      .getContainerClient('archive-ordering')
      .getBlockBlobClient(`segments/${String(number).padStart(12, '0')}.ndjson.gz`)
  const run = (...args: readonly string[]) => {
    const { blob, cosmos, eventHubs } = world().system.ports
    const env = {
      ...{ TIDEMARK_BLOB_PORT: String(blob), TIDEMARK_DATA: world().system.dataDir },
      ...{ TIDEMARK_COSMOS_PORT: String(cosmos), TIDEMARK_EVENTHUBS_PORT: String(eventHubs) },
    }
    return new Command('packages/cli/tidemark.js', args, env).ended
  }
  const command = (...args: readonly string[]) => run('archive', 'ordering', ...args)

  it('none while the archive is as it was written: it has the whole log', async () => {
    await until('three segments', async () => {
      await world().newOrder()
      return segment(3).exists()
    })
    const { code, out, err } = await command('--cat')
    assert.equal(code, 0, err)
    const streams = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).stream)
    const { resources } = await world()
      .system.log.items.query<string>('SELECT VALUE c.stream FROM c ORDER BY c._ts ASC')
      .fetchAll()
    assert.ok(streams.length > 3 && resources.length >= streams.length)
    const listed = await command('--json')
    assert.equal(listed.code, 0, listed.err)
    const { segments, items, events } = JSON.parse(listed.out)
    assert.ok(segments >= 3 && items >= streams.length && events > 0, listed.out)
  })

  for (const [code, number, change] of [
    ['archive-gap', 2, () => undefined],
    ['archive-changed', 2, (text: string) => gzipSync(text.replace('"stream":"', '"stream":"x'))],
    ['archive-unreadable', 2, () => Buffer.from('hello')],
    ['archive-broken', 2, (text: string) => gzipSync(rechained(text))],
  ] as const)
    it(`a segment that somebody changed or removed: ${code}`, async () => {
      const before = await segment(number).downloadToBuffer()
      const changed = change(gunzipSync(before).toString())
      if (changed === undefined) await segment(number).delete()
      else await segment(number).upload(changed, changed.byteLength)
      const ended = await command()
      await segment(number).upload(before, before.byteLength)
      assert.equal(ended.code, 1, ended.output)
      errors.commandLine(code, ended.err)
      assert.match(ended.err, new RegExp(`segment ${number} of the archive of ordering `))
    })

  it('a restore while the service runs: restore-unsafe', async () => {
    const ended = await run('restore', 'ordering', '--yes')
    assert.equal(ended.code, 1, ended.output)
    errors.commandLine('restore-unsafe', ended.err)
  })

  it('a log that somebody changed: restore-conflict', async () => {
    const { log } = world().system
    const { resources } = await log.items.query('SELECT TOP 1 * FROM c WHERE IS_DEFINED(c["to"])').fetchAll()
    const [item] = resources
    await log.item(item.id, item.stream).replace({ ...item, fingerprint: 'f'.repeat(64) })
    const ended = await run('restore', 'ordering', '--yes', '--stopped')
    await log.item(item.id, item.stream).replace(item)
    assert.equal(ended.code, 1, ended.output)
    errors.commandLine('restore-conflict', ended.err)
    assert.match(ended.err, new RegExp(`${item.stream}@${item.from}`))
  })
}

/** The segment with another segment before it, and a right root. Its header has only ASCII texts and integers. */
function rechained(text: string): string {
  const [head = '', ...items] = text.split('\n')
  const { root: _, ...header } = { ...JSON.parse(head), previous: 'f'.repeat(64) }
  const canonical = JSON.stringify(header, Object.keys(header).toSorted())
  return [JSON.stringify({ ...header, root: hash('sha256', canonical) }), ...items].join('\n')
}
