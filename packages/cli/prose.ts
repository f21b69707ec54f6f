import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { lintProse } from './prose/lint.ts'
import { findMessages } from './prose/messages.ts'
import { findWideLines } from './prose/wide-lines.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What nobody writes by hand, and what must stay as it was. */
const GENERATED =
  /^(schemas|test\/fixtures|packages\/console\/generated|packages\/tidemark\/api)\/|CHANGELOG\.md$|snapshot/
const WIDTH_OF = /\.(ts|tsx|cjs|js|md|bicep|bicepparam|peggy|css|sh)$/
const MESSAGES_OF = /^(packages|src|functions)\/.*\.ts$/
/** Folders that hold what programs write. */
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', 'dist', '.tidemark', 'bundles', 'results'])
const TESTS = /(^|\/)test\/|\.test\.ts$/

/** `npm run prose`: checks the English of documents, errors and log lines, and the width of every line. */
async function prose(): Promise<void> {
  readArguments({}, [])
  const files = listFiles().filter((file) => !GENERATED.test(file) && existsSync(join(ROOT, file)))
  const faults: string[] = []
  const count = { documents: 0, messages: 0, lines: 0 }
  for (const file of files) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    if (WIDTH_OF.test(file)) {
      count.lines += text.split('\n').length
      faults.push(...findWideLines(file, text).map((line) => `${file}:${line}: the line is too wide`))
    }
    if (file.endsWith('.md')) {
      count.documents += 1
      faults.push(...(await lintProse(text, '.md')).map(({ line, fault }) => `${file}:${line}: ${fault}`))
    }
    if (MESSAGES_OF.test(file) && !TESTS.test(file))
      for (const { line, text: message } of findMessages(file, text)) {
        count.messages += 1
        faults.push(...(await lintProse(message, '.txt')).map(({ fault }) => `${file}:${line}: ${fault}`))
      }
  }
  console.log(`prose: ${count.documents} documents, ${count.messages} messages, ${count.lines} lines`)
  if (Object.values(count).includes(0)) throw new UsageError('prose checked nothing of one kind')
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

/** The files that git knows or would know. In a copy without git: all but those of other programs. */
function listFiles(): readonly string[] {
  if (existsSync(join(ROOT, '.git')))
    return execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
      .split('\n')
      .filter((file) => file !== '')
  return globSync('**/*.*', { cwd: ROOT, exclude: (name) => FOREIGN.has(name) })
}

await runCommand(prose)
