import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { RECORDED, type Recorded, rewritten } from './json-net/recorded.ts'

test('refuses texts that Json.NET reads but the worker could not', (t) => {
  const texts = [
    '[1]/*c*/',
    '//c\n1',
    '{"a":/*c*/1}',
    '[1,//c\n2]',
    'new Date(1)',
    '[new Date(1)]',
    '[new Foo(1,"x")]',
    '\u00001',
  ]
  t.diagnostic(`${texts.length} texts`)
  for (const text of texts) assert.deepEqual(rewritten(text), [text, null])
})

test('rewrites texts as Newtonsoft.Json 13.0.3 does, and refuses those that it cannot read', async (t) => {
  const recorded: Recorded[] = JSON.parse(await readFile(RECORDED, 'utf8'))
  const unreadable = recorded.filter(([, made]) => made === null).length
  const changed = recorded.filter(([text, made]) => made !== null && made !== text).length
  t.diagnostic(`${recorded.length} texts: ${changed} are changed, ${unreadable} cannot be read`)
  assert.ok(changed > 0 && unreadable > 0)
  assert.deepEqual(
    recorded.map(([text]) => rewritten(text)),
    recorded,
  )
})
