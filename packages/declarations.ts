import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2025,
  module: ts.ModuleKind.NodeNext,
  declaration: true,
  isolatedDeclarations: true,
  verbatimModuleSyntax: true,
}

/**
 * The declarations of some modules, and of the modules that their types name. Leaves out all others, because
 * they would need packages that users do not install.
 * @param entries the source files. @param root a folder that contains all of them.
 * @returns the declarations by their path below `root`, such as `kit/errors.d.ts`.
 * @throws Error if an export has no explicit type.
 */
export function buildDeclarations(entries: readonly string[], root: string): ReadonlyMap<string, string> {
  const declarations = new Map<string, string>()
  const left = [...entries]
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    const path = relative(root, file).replaceAll('\\', '/').replace(/\.ts$/, '.d.ts')
    if (declarations.has(path)) continue
    const text = buildDeclaration(file)
    declarations.set(path, text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
    for (const [, name = ''] of text.matchAll(/from '(\.[^']*\.ts)'/g)) left.push(join(dirname(file), name))
  }
  return declarations
}

function buildDeclaration(file: string): string {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(file, 'utf8'), {
    compilerOptions: OPTIONS,
    fileName: file,
    reportDiagnostics: true,
  })
  const [first] = diagnostics
  if (first) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`)
  return outputText
}
