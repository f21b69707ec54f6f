import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Compiler } from '../../../packages/cli/infra/compiler.ts'
import { takeSnapshot } from '../../../packages/cli/infra/snapshot.ts'
import { type Deployed, INFRA } from './deployed.ts'

/** Changes a copy of the template before it is evaluated. Files are named by their paths in infra/. */
export type Change = (
  read: (file: string) => Promise<string>,
  write: (file: string, text: string) => Promise<void>,
) => Promise<void>

/**
 * Evaluates a changed template.
 * @param shape a Bicep expression of `shapes`, such as `shapes.prod`.
 * @throws if the template does not compile.
 */
export async function compileVariant(compiler: Compiler, shape: string, change?: Change): Promise<Deployed> {
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
    return (await takeSnapshot(compiler, file)) as unknown as Deployed
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
