import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Config } from 'tidemark'
import { services } from '../../packages/cli/project/config.ts'
import { listFits, listViewCodes } from '../../packages/tidemark/test/support/view-codes.ts'

/** The services as a minified bundle has them. */
async function bundled(): Promise<Config['services']> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../tidemark.config.ts', import.meta.url))],
    ...{ bundle: true, minify: true, platform: 'node', format: 'esm', write: false },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(process.cwd() + '/');" },
  })
  const text = Buffer.from(outputFiles?.[0]?.contents ?? []).toString('base64')
  return (await import(`data:text/javascript;base64,${text}`)).default.services
}

describe('the code of the views', () => {
  it('is the same in a minified bundle', async (t) => {
    const codes = services.map(listViewCodes)
    assert.deepEqual((await bundled()).map(listViewCodes), codes)
    const different = new Set(codes.flat().map(([, code]) => code)).size
    t.diagnostic(`${codes.flat().length} views compared, ${different} different`)
    assert.ok(different > 5)
  })

  it('tries every version of every event type: some made-up data fits', (t) => {
    const fits = new Map(services.flatMap((service) => [...listFits(service, 40)]))
    assert.deepEqual(
      [...fits].filter(([, share]) => share < 0.2),
      [],
    )
    t.diagnostic(`${fits.size} versions tried`)
    assert.ok(fits.size > 20)
  })
})
