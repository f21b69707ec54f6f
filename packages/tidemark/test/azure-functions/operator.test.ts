import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpRequest } from '@azure/functions'
import { checkOperator } from '../../azure-functions/operator.ts'

const request = (principal?: string) =>
  new HttpRequest({
    method: 'GET',
    url: 'http://localhost/',
    headers: { 'x-actor': 'mallory', ...(principal === undefined ? {} : { 'x-ms-client-principal': principal }) },
  })
const base64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
const withRoles = (typ: string, roles: readonly string[], more: object = {}) =>
  request(base64({ auth_typ: 'aad', claims: roles.map((val) => ({ typ, val })), ...more }))
const refused = { code: 'operator-only' }

describe('the operator of a service', () => {
  it('is a caller with the role, as App Service Authentication reports it', () => {
    checkOperator(withRoles('roles', ['Other', 'Tidemark.Operator']), 'platform')
    const typ = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role'
    checkOperator(withRoles(typ, ['Tidemark.Operator'], { role_typ: typ }), 'platform')
  })

  it('is nobody without the role, whatever the principal’s header says', () => {
    for (const each of [
      request(),
      request(''),
      request('%%%'),
      request(base64('not JSON')),
      request(base64('null')),
      request(base64({ claims: 'Tidemark.Operator' })),
      withRoles('roles', []),
      withRoles('roles', ['Tidemark.Operators', 'tidemark.operator']),
      withRoles('name', ['Tidemark.Operator']),
    ])
      assert.throws(() => checkOperator(each, 'platform'), refused)
  })

  it('is nobody when App Service Authentication is off, since anybody could write the header', () =>
    assert.throws(() => checkOperator(withRoles('roles', ['Tidemark.Operator']), 'nobody'), refused))

  it('is everybody on a developer’s machine', () => checkOperator(request(), 'client'))
})
