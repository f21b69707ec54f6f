import { spawnSync } from 'node:child_process'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { writeApiTypes } from './console/api-types.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
// The native compiler, which is five times as fast: docs/decisions/0037-two-compilers.md.
const TSC = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript-7/package.json')))
const PROJECTS = ['tsconfig.types.json', 'packages/console/tsconfig.json']
/** The compiler's notes of its last run. If nothing changed, it has nothing to do. */
const NOTES = ['dist/.types.tsbuildinfo', 'dist/.console-types.tsbuildinfo']
/** npm writes it whenever an installed package changes, which the compiler does not notice. */
const INSTALLED = 'node_modules/.package-lock.json'

/** `npm run types`: checks the types of everything. */
async function types(): Promise<void> {
  readArguments({}, [])
  await writeApiTypes(join(ROOT, 'packages/console'))
  const installed = changedAt(INSTALLED)
  for (const notes of NOTES) if (changedAt(notes) < installed) rmSync(join(ROOT, notes), { force: true })
  const { status } = spawnSync(process.execPath, [TSC, '-b', ...PROJECTS], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) throw new UsageError('the types are wrong')
}

function changedAt(file: string): number {
  return statSync(join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

await runCommand(types)
