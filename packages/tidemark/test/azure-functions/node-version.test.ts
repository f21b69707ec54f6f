import assert from 'node:assert/strict'
import { it } from 'node:test'
import { tooOld } from '../../azure-functions/node-version.ts'

it('functions refuse to start on a Node below 22, and say why', () => {
  for (const version of ['4.9.1', '20.20.2', '21.7.3'])
    assert.equal(tooOld(version), `Node ${version} is too old: the functions need Node 22 or newer`)
  for (const version of ['22.0.0', '24.21.0', '100.0.0']) assert.equal(tooOld(version), undefined)
})
