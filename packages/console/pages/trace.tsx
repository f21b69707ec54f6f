import type { VNode } from 'preact'
import type { Route } from '../lib/route.ts'
import { Empty, Page } from '../parts/faces.tsx'
import { TraceView } from '../parts/trace.tsx'

export function TracePage({ route }: { readonly route: Route }): VNode {
  const [, correlation] = route.path
  return (
    <Page title="Trace" intro="All events with one correlation, in all services, linked by their causes.">
      {correlation === undefined ? (
        <Empty>The address has no correlation.</Empty>
      ) : (
        <TraceView key={correlation} correlation={correlation} />
      )}
    </Page>
  )
}
