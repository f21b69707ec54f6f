import { registerHooks } from 'node:module'
import type { Mutation } from './mutations.ts'

const SMALL_CACHES = new URL('../../packages/tidemark/test/simulation/small-caches.ts', import.meta.url).href

/**
 * Loads the simulator, which must not be imported otherwise, and once per thread. Its runtime has small
 * caches, and the given mutation.
 * @throws Error unless the code to mutate occurs exactly once.
 */
export async function loadSimulator(mutation?: Mutation): Promise<typeof import('./history.ts')> {
  const mutated = mutation && new URL(`../../packages/tidemark/${mutation.file}`, import.meta.url).href
  let isMutated = false
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'lru-cache' && context.parentURL !== SMALL_CACHES
        ? { url: SMALL_CACHES, shortCircuit: true }
        : next(specifier, context),
    load(url, context, next) {
      const loaded = next(url, context)
      if (mutation === undefined || url !== mutated) return loaded
      isMutated = true
      return { ...loaded, source: mutate(String(loaded.source), mutation) }
    },
  })
  const simulator = await import('./history.ts')
  if (mutation && !isMutated) throw new Error(`${mutation.file} is not loaded: ${mutation.name} changes nothing`)
  return simulator
}

function mutate(source: string, { name, file, from, to }: Mutation): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`${name}: the code to change occurs ${parts.length - 1} times in ${file}`)
  return parts.join(to)
}
