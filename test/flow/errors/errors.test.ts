import { after, before, describe, it } from 'node:test'
import { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { archives } from './suite-archive.ts'
import { consumers } from './suite-consumers.ts'
import { domainRefusals, refusing } from './suite-domain.ts'
import { faults } from './suite-faults.ts'
import { keys } from './suite-keys.ts'
import { outside } from './suite-outside.ts'
import { replays } from './suite-replays.ts'
import { requests } from './suite-requests.ts'
import { transient } from './suite-transient.ts'
import { World } from './world.ts'

// Every code of docs/errors.md is produced here where it is seen by users: over HTTP on the running system,
// or in its log.
describe('errors', () => {
  const errors = new WitnessedErrors()
  let world: World
  before(async () => {
    world = await World.start()
  })
  after(() => world.remove())

  describe('of a request', () => requests(() => world, errors))
  describe('of the domain', () => domainRefusals(() => world, errors))
  describe('of the host', () => outside(() => world))
  describe('that are transient', () => transient(() => world, errors))
  describe('of keys', () => keys(() => world, errors))
  describe('of a rebuild', () => replays(() => world, errors))
  describe('of an archive', () => archives(() => world, errors))
  // These two block partitions and damage the log, so they come last.
  describe('of a consumer', () => consumers(() => world, errors))
  describe('of a faulty service', () => faults(() => world, errors))

  it('cover exactly the documented codes', () => {
    console.log(`# ${errors.assertComplete(refusing)} codes of docs/errors.md were produced as documented`)
  })
})
