import { after, before, describe, it } from 'node:test'
import { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { consumers } from './suite-consumers.ts'
import { domainRefusals, refusing } from './suite-domain.ts'
import { faults } from './suite-faults.ts'
import { outside } from './suite-outside.ts'
import { replays } from './suite-replays.ts'
import { requests } from './suite-requests.ts'
import { transient } from './suite-transient.ts'
import { World } from './world.ts'

// Every code of docs/errors.md is produced here, at the outermost place where it shows: over HTTP on the
// running system, or in its log.
describe('errors', () => {
  const errors = new WitnessedErrors()
  let world: World
  before(async () => {
    world = await World.start()
  })
  after(() => world.remove())

  describe('what was asked for', () => requests(() => world, errors))
  describe('what the domain refuses', () => domainRefusals(() => world, errors))
  describe('what no function sees', () => outside(() => world))
  describe('what may pass', () => transient(() => world, errors))
  describe('what a replay ends with', () => replays(() => world, errors))
  // These two hold partitions and harm the log: last.
  describe('what holds a consumer', () => consumers(() => world, errors))
  describe('what is at fault', () => faults(() => world, errors))

  it('every documented code was really produced, and every code produced is documented', () => {
    console.log(`# ${errors.assertComplete(refusing)} codes of docs/errors.md were produced, each as it is documented`)
  })
})
