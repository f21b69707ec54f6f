import { System } from '../../test/support/system.ts'
import type { Contender } from './contender.ts'

/** Tidemark's own path: ordering alone, in one host on the local cloud. */
export const tidemark: Contender = {
  name: 'Tidemark',
  async start() {
    const system = await System.cloudAlone({ services: ['ordering'] })
    try {
      await system.startHost()
    } catch (error) {
      await system.remove()
      throw error
    }
    return { base: system.base, remove: () => system.remove() }
  },
}
