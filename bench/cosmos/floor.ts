import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { run } from '../../packages/kit/lifecycle.ts'
import { LOOPBACK, listen } from '../../packages/kit/listen.ts'

/**
 * The floor of the emulator: the same requests answered by `node:http` and `node:sqlite` alone, with the same
 * durability, columns, bodies and headers. It has none of the service's rules: no signatures, routes, checks,
 * ETag comparisons or request units. Writes of one turn share a commit here too.
 */

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE items (number INTEGER PRIMARY KEY, pk TEXT, id TEXT, lsn INTEGER, ts INTEGER, etag TEXT, body TEXT);
  CREATE UNIQUE INDEX items_by_key ON items (pk, id);
  CREATE INDEX items_by_lsn ON items (lsn);`

const db = new DatabaseSync(join(process.env.COSMOS_EMULATOR_DATA ?? '', 'floor.sqlite'))
db.exec(SCHEMA)
const insert = db.prepare('INSERT INTO items (pk, id, lsn, ts, etag, body) VALUES (?, ?, ?, ?, ?, ?)')
const select = db.prepare('SELECT etag, body FROM items WHERE pk = ? AND id = ?')
const feed = db.prepare('SELECT lsn, body FROM items WHERE lsn > ? ORDER BY lsn LIMIT ?')

let lsn = 0
let waiting: { write: () => void; done: () => void }[] = []

function commit(): void {
  const jobs = waiting
  waiting = []
  db.exec('BEGIN IMMEDIATE')
  for (const { write } of jobs) write()
  db.exec('COMMIT')
  for (const { done } of jobs) done()
}

function write(task: () => void): Promise<void> {
  return new Promise((done) => {
    waiting.push({ write: task, done })
    if (waiting.length === 1) setImmediate(commit)
  })
}

interface Stored {
  readonly etag: string
  readonly json: string
}

// As long as the emulator's.
const RID = 'AAAAAYAAAAEBAAAAAAAAAA=='
const SELF = `dbs/AAAAAQ==/colls/AAAAAYAAAAE=/docs/${RID}/`

function put(pk: string, item: { readonly id: string }): Stored {
  const [ts, etag] = [Math.floor(Date.now() / 1000), `"${randomUUID()}"`]
  const json = JSON.stringify({ ...item, _rid: RID, _self: SELF, _etag: etag, _attachments: 'attachments/', _ts: ts })
  insert.run(pk, item.id, lsn, ts, etag, json)
  return { etag, json }
}

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 'x-ms-documentdb-partitionkey': pk = '', 'if-none-match': after = '"0"' } = message.headers
  if (message.headers['a-im'] !== undefined) {
    const rows = feed.all(JSON.parse(String(after)), Number(message.headers['x-ms-max-item-count']))
    const documents = rows.map(({ lsn: of, body }) => `${String(body).slice(0, -1)},"_lsn":${of}}`)
    return send(response, 200, `"${rows.at(-1)?.lsn}"`, `{"_rid":"x","Documents":[${documents.join(',')}],"_count":1}`)
  }
  if (message.method === 'GET') {
    const row = select.get(String(pk), message.url?.split('/').at(-1) ?? '')
    return send(response, 200, String(row?.etag), String(row?.body))
  }
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const body = JSON.parse(Buffer.concat(chunks).toString())
  let stored: Stored[] = []
  await write(() => {
    lsn += 1
    const items = Array.isArray(body) ? body.map(({ resourceBody }) => resourceBody) : [body]
    stored = items.map((item) => put(String(pk), item))
  })
  const results = stored.map(
    ({ etag, json }) => `{"statusCode":201,"eTag":${JSON.stringify(etag)},"resourceBody":${json}}`,
  )
  send(response, 201, stored[0]?.etag ?? '', Array.isArray(body) ? `[${results.join(',')}]` : (stored[0]?.json ?? ''))
}

function send(response: ServerResponse, status: number, etag: string, text: string): void {
  const body = Buffer.from(text)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-ms-activity-id': randomUUID(),
    'x-ms-request-charge': '1',
    'x-ms-session-token': `0:-1#${lsn}`,
    'x-ms-version': '2018-12-31',
    'x-ms-alt-content-path': 'dbs/d/colls/c',
    etag,
  })
  response.end(body)
}

await run(async () => {
  const server = createServer((message, response) => {
    answer(message, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  const port = await listen(server, 0, 'no setting')
  return {
    address: `http://${LOOPBACK}:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      db.close()
    },
  }
})
