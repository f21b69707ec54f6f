import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpRequest } from '@azure/functions'
import { connectionStrings } from '../../../test-support/connection-strings.ts'
import { readActor } from '../../azure-functions/actor.ts'
import { readSettings } from '../../settings/read.ts'

const request = (headers: Record<string, string>) =>
  new HttpRequest({ method: 'POST', url: 'http://localhost/', headers })
const actorSource = (settings: Record<string, string>) =>
  readSettings({ ...connectionStrings, ...settings }).actorSource
const everything = request({
  'x-actor': 'mallory',
  'x-ms-client-principal-id': '1b2c',
  'x-ms-client-principal-idp': 'aad',
})

describe('actor', () => {
  it('is the principal that the platform validated, whatever the client claims', () =>
    assert.equal(
      readActor(everything, actorSource({ WEBSITE_AUTH_ENABLED: 'True', TIDEMARK_TRUST_X_ACTOR: 'true' })),
      'aad:1b2c',
    ))

  it('is absent when the platform let an unauthenticated caller through', () =>
    assert.equal(readActor(request({ 'x-actor': 'mallory' }), 'platform'), 'anonymous'))

  it('ignores the headers when App Service Authentication is off', () =>
    assert.equal(readActor(everything, actorSource({})), 'anonymous'))

  it('is the x-actor header when the local settings allow it', () => {
    const source = actorSource({ TIDEMARK_TRUST_X_ACTOR: 'true' })
    assert.equal(readActor(everything, source), 'mallory')
    assert.equal(readActor(request({}), source), 'anonymous')
  })

  it('is refused when it has characters that must not reach a log line', () =>
    assert.throws(() => readActor(request({ 'x-actor': 'a b' }), 'client'), { code: 'invalid-header' }))
})
