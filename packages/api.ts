import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig, type ExtractorMessage } from '@microsoft/api-extractor'
import { readArguments, runCommand, UsageError } from './cli/command-line/arguments.ts'

const FOLDER = fileURLToPath(new URL('./tidemark/', import.meta.url))
const TSC = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const REPORTS = join(FOLDER, 'api')

/**
 * `npm run api`: compares the exports of the package `tidemark` with its reports, one for each subpath. Fails
 * if an export has no docstring. With `--write` it writes the reports, to be reviewed as a diff.
 */
async function api(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const { exports } = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>
  }
  const sources = Object.entries(exports).filter(([, file]) => file.endsWith('.ts'))
  mkdirSync(REPORTS, { recursive: true })
  execFileSync(process.execPath, [TSC, '-b', FOLDER], { stdio: 'inherit' })
  const wrong = sources.flatMap(([subpath, file]) => report(subpath, file, write))
  console.log(`packages/tidemark/api: ${sources.length} reports`)
  if (wrong.length > 0) throw new UsageError(wrong.join('\n'))
}

/** @returns a line for each mistake. */
function report(subpath: string, file: string, write: boolean): readonly string[] {
  const name = subpath === '.' ? 'tidemark' : subpath.replace('./', '')
  const wrong: string[] = []
  const temporary = mkdtempSync(join(tmpdir(), 'tidemark-api-'))
  try {
    const config = ExtractorConfig.prepare({
      configObjectFullPath: join(FOLDER, 'api-extractor.json'),
      packageJsonFullPath: join(FOLDER, 'package.json'),
      configObject: {
        projectFolder: FOLDER,
        mainEntryPointFilePath: join(FOLDER, 'dist', file.replace(/\.ts$/, '.d.ts')),
        compiler: { tsconfigFilePath: join(FOLDER, 'tsconfig.json') },
        apiReport: {
          enabled: true,
          reportFileName: `${name}.api.md`,
          reportFolder: REPORTS,
          reportTempFolder: temporary,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: 'lf',
      },
    })
    const { apiReportChanged } = Extractor.invoke(config, {
      localBuild: write,
      messageCallback(message: ExtractorMessage) {
        message.handled = true
      },
    })
    if (apiReportChanged && !write)
      wrong.push(
        `packages/tidemark/api/${name}.api.md differs from the exports: ` +
          'run npm run api -- --write, and add a line to the changelog',
      )
    const text = readFileSync(join(REPORTS, `${name}.api.md`), 'utf8')
    for (const [, each] of text.matchAll(/^\/\/ @public \(undocumented\)\nexport (?:abstract )?\w+ (\w+)/gm))
      wrong.push(`${name}: ${each} has no docstring`)
    return wrong
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

await runCommand(api)
