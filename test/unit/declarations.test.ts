import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventType, Service } from 'tidemark'
import { buildTopology, listOwnViews, listReactions } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'

/** The events of a category's streams; none if the service has no such streams. */
const listEvents = ({ deciders }: Service, category: string): readonly EventType[] =>
  deciders.find((decider) => decider.category === category)?.events ?? []

// A misspelt name here raises no error at run time: its follower waits for ever.
describe('the declarations of a service', () => {
  for (const service of services) {
    it(`${service.name}: its views and its own reactions follow existing streams and events`, () => {
      const own = listReactions(service).filter((reaction) => reaction.service === service.name)
      for (const { name, category, events = [] } of [...listOwnViews(service), ...own]) {
        const recorded = listEvents(service, category)
        assert.ok(recorded.length > 0, `${name} follows ${category}`)
        for (const event of events) assert.ok(recorded.includes(event), `${name}: ${event.name} of ${category}`)
      }
    })

    it(`${service.name}: its views of public events follow existing contracts`, () => {
      for (const view of service.views)
        if (view.kind === 'many-services')
          for (const { service: source, category, events } of view.sources) {
            const { publishes, deciders } = services.find(({ name }) => name === source) ?? assert.fail(source)
            const published = publishes.map(({ publicEvent }) => publicEvent)
            assert.ok(
              deciders.some((decider) => decider.category === category),
              `${source}/${category}`,
            )
            for (const event of events) assert.ok(published.includes(event), `${view.name}: ${event.name} of ${source}`)
          }
    })

    it(`${service.name}: an event name has one declaration, private or public, and a category one decider`, () => {
      const privateTypes = new Set(service.deciders.flatMap(({ events }) => events))
      for (const names of [
        [...privateTypes].map(({ name }) => name),
        service.publishes.map(({ privateEvent: recorded }) => recorded.name),
        service.publishes.map(({ publicEvent: published }) => published.name),
        // Every service has the canary.
        [...new Set(services.flatMap(({ deciders }) => deciders))].map(({ category }) => category),
      ])
        assert.deepEqual(names, [...new Set(names)])
      for (const { privateEvent: recorded } of service.publishes)
        assert.ok(privateTypes.has(recorded), `${recorded.name} is never recorded`)
    })
  }

  it('give every consumer a group of its own, with a name that Event Hubs accepts', () => {
    for (const { name, consumerGroups } of buildTopology(services).eventHubs) {
      assert.deepEqual(consumerGroups, [...new Set(consumerGroups)], name)
      // https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsofteventhub
      for (const group of consumerGroups) assert.match(group, /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/)
    }
  })
})
