import { buildJsonSchema } from '../../core/json-schema.ts'
import { sample, sequence } from '../../core/sample-data.ts'
import { validate } from '../../core/schema.ts'
import type { Service } from '../../core/service.ts'
import { isOwnView } from '../../core/view.ts'
import { computeViewCode } from '../../core/view-code.ts'

/** The code of each view of a service. */
export function listViewCodes({ views, deciders }: Service): readonly (readonly [view: string, code: string])[] {
  return views.map((view) => {
    const own = isOwnView(view) ? deciders.filter(({ category }) => category === view.category) : []
    const events = own.flatMap((decider) => decider.events)
    return [view.name, computeViewCode(view, events)]
  })
}

/** The share of made-up data that fits each event version of a service. */
export function listFits({ deciders }: Service, samples: number): ReadonlyMap<string, number> {
  const types = deciders.flatMap(({ events }) => events)
  return new Map(
    types.flatMap(({ name, versions }) =>
      versions.map(({ version, schema }) => {
        const [jsonSchema, next] = [buildJsonSchema(schema, name), sequence(1)]
        const made = Array.from({ length: samples }, () => validate(schema, sample(jsonSchema, next)))
        return [`${name} ${version}`, made.filter(({ outcome }) => outcome === 'valid').length / samples] as const
      }),
    ),
  )
}
