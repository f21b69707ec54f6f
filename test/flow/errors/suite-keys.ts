import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, it } from 'node:test'
import type { Answer } from '../../../packages/cli/demo/client.ts'
import type { Child } from '../../../packages/kit/child.ts'
import type { StoreRequest } from '../../support/fault-proxy.ts'
import { call } from '../../support/system.ts'
import { VaultNetwork } from '../../support/vault-network.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type World } from './world.ts'

/** The errors of a service with personal data whose keys are in a key vault. */
export function keys(world: () => World, errors: WitnessedErrors): void {
  let network: VaultNetwork
  let host: Child
  let version: string
  before(async () => {
    network = await VaultNetwork.start()
    version = network.vault.rotate('ordering')
    const env = {
      ...world().env,
      ...network.settings,
      FUNCTIONS_HOST_MAIN: 'packages/tidemark/test/domain/members-functions.ts',
    }
    host = await world().system.startHost({ preload: { env }, onOutput: world().listen })
  })
  after(async () => {
    await host.stop()
    await network.stop()
  })
  const join = (): Promise<Answer> =>
    call('POST', `${host.address}/api/members/${randomUUID()}/join`, json({ member: randomUUID(), name: 'Ada' }))

  async function refused(code: string, detail: RegExp): Promise<void> {
    const before = await world().written()
    const answer = await join()
    errors.answer(code, answer)
    assert.match(answer.body.detail, detail)
    assert.deepEqual(await world().written(), before)
  }

  it('without a role on its key: keys-refused, until it has the role', async () => {
    network.vault.rights.delete('get')
    await refused('keys-refused', /^get with the key https:\/\/kv-test\S+ordering is refused \(ForbiddenByRbac\)/)
    network.vault.rights.add('get')
  })

  it('without a role on the container keys: keys-refused, and nothing counts as forgotten', async () => {
    const isOfKeys = ({ path }: StoreRequest): boolean => /\/colls\/keys\/docs/.test(path)
    const plan = world().proxy.plan(403, isOfKeys)
    await refused('keys-refused', /^the container ordering\/keys refuses this service: give its identity its role/)
    assert.equal(plan.left(), 0)
  })

  it('with a disabled key: keys-disabled, until it is enabled', async () => {
    network.vault.change('ordering', version, { enabled: false })
    await refused('keys-disabled', /ordering is disabled: enable it, or create a new version$/)
    network.vault.change('ordering', version, { enabled: true })
    const { status, body } = await join()
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(network.vault.requests.slice(-2), ['get ordering/', `wrapkey ordering/${version}`])
    const { resources } = await world().system.log.database.container('keys').items.readAll().fetchAll()
    const wrapped = resources.filter((item) =>
      item.wrapped?.startsWith(`${network.vault.uri}keys/ordering/${version} `),
    )
    assert.equal(wrapped.length, 1, JSON.stringify(resources))
  })
}
