import { globSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OpenAPI3 } from 'openapi-typescript'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ANY_SERVICE = 'packages/cli/console/any-service.ts'

/**
 * Writes the API types that all services share, for the console, which knows no service. They are generated
 * from the framework, again whenever one of its sources is newer.
 * @param folder the folder of the console's sources.
 */
export async function writeApiTypes(folder: string): Promise<void> {
  const file = join(folder, 'generated/api.d.ts')
  if (isCurrent(file)) return
  // Loaded only if there is something to write.
  const { default: openapiTS, astToString } = await import('openapi-typescript')
  const { buildOpenApi, servedServices } = await import('tidemark/azure-functions')
  const { loadWithSample } = await import('../schemas/openapi.ts')
  await loadWithSample(ROOT, ANY_SERVICE)
  const document = buildOpenApi(servedServices())
  // Remove the name of the service.
  const paths = JSON.parse(JSON.stringify(document.paths).replaceAll('"/any/', '"/').replaceAll('"any-', '"'))
  const text = astToString(await openapiTS({ ...document, paths } as unknown as OpenAPI3))
  mkdirSync(dirname(file), { recursive: true })
  // A rename, so that a concurrent reader never finds part of the file.
  const written = `${file}.${process.pid}.tmp`
  writeFileSync(written, text)
  renameSync(written, file)
}

function isCurrent(file: string): boolean {
  const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = globSync([ANY_SERVICE, 'packages/tidemark/**/*.ts'], {
    cwd: ROOT,
    exclude: ['**/test', '**/dist', '**/node_modules'],
  })
  return sources.every((source) => statSync(join(ROOT, source)).mtimeMs < written)
}
