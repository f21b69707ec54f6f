import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { snapshot } from '../../../packages/cli/infra/template.ts'
import { type Deployed, INFRA } from './deployed.ts'
import { bicep } from './with-bicep.ts'

/** Changes a copy of the template before it is evaluated. Files are named by their paths in infra/. */
export type Change = (
  read: (file: string) => Promise<string>,
  write: (file: string, text: string) => Promise<void>,
) => Promise<void>

/**
 * Evaluates a changed template.
 * @param shape a Bicep expression of `shapes`, such as `shapes.prod`.
 * @returns the deployment, or Bicep's message if the template does not compile.
 */
export async function compileVariant(shape: string, change?: Change): Promise<Deployed | string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-variant-'))
  try {
    await cp(INFRA, folder, { recursive: true })
    const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8')
    const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text)
    await change?.(read, write)
    const file = join(folder, 'main.variant.bicepparam')
    await writeFile(
      file,
      `using 'main.bicep'
import { shapes } from 'shapes.bicep'
param environmentName = 'variant'
param location = 'westeurope'
param shape = ${shape}
`,
    )
    const wrong = await snapshot(bicep, file, 'overwrite')
    return wrong ?? (JSON.parse(await read('main.variant.snapshot.json')) as Deployed)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
