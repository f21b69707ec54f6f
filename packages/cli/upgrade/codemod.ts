import ts from 'typescript'
import type { Rename } from './renames.ts'

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Renames an import in a source. Uses the compiler's bindings, so that other things of the same name stay.
 * What the source exports keeps its name.
 * @param file its path, which decides the language.
 * @returns the text, and how many places were changed.
 */
export function renameIn(
  text: string,
  file: string,
  rename: Rename,
): { readonly text: string; readonly places: number } {
  const edits = new Source(text, file, rename).edits()
  const sorted = edits.toSorted((a, b) => b.start - a.start)
  const renamed = sorted.reduce((all, { start, end, text: to }) => all.slice(0, start) + to + all.slice(end), text)
  return { text: renamed, places: edits.length }
}

/** A single source. Its imports are not read. */
class Source {
  readonly #source: ts.SourceFile
  readonly #checker: ts.TypeChecker
  readonly #rename: Rename
  /** The symbols of the imports of the old name. */
  readonly #locals = new Set<ts.Symbol>()
  /** The symbols of `import * as`. */
  readonly #namespaces = new Set<ts.Symbol>()
  readonly #edits: Edit[] = []

  constructor(text: string, file: string, rename: Rename) {
    this.#source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
    this.#checker = createChecker(this.#source)
    this.#rename = rename
  }

  edits(): readonly Edit[] {
    const nodes = allNodes(this.#source)
    const isTaken = nodes.some((node) => ts.isIdentifier(node) && node.text === this.#rename.to)
    for (const node of nodes) this.#declaration(node, isTaken)
    for (const node of nodes) this.#use(node)
    return this.#edits
  }

  /** Handles imports and exports of the module. They bind the names below. */
  #declaration(node: ts.Node, isTaken: boolean): void {
    const { name, to } = this.#rename
    if (ts.isNamespaceImport(node) && this.#isModule(node.parent.parent.moduleSpecifier))
      this.#bind(node, this.#namespaces)
    if (ts.isImportEqualsDeclaration(node) && this.#isRequired(node)) this.#bind(node, this.#namespaces)
    if (ts.isImportSpecifier(node) && this.#isModule(node.parent.parent.parent.moduleSpecifier)) {
      if (node.propertyName?.text === name) this.#specifier(node)
      else if (node.propertyName === undefined && node.name.text === name) {
        // If the new name is taken, the old one stays in use.
        this.#replace(node.name, isTaken ? `${to} as ${name}` : to)
        if (!isTaken) this.#bind(node, this.#locals)
      }
    }
    if (ts.isExportSpecifier(node) && this.#isModule(node.parent.parent.moduleSpecifier)) {
      if (node.propertyName?.text === name) this.#specifier(node)
      else if (node.propertyName === undefined && node.name.text === name) this.#replace(node.name, `${to} as ${name}`)
    }
    if (ts.isImportTypeNode(node) && this.#isModule(unwrapLiteral(node.argument)) && node.qualifier)
      this.#named(leftmost(node.qualifier))
  }

  /** Handles `old as x`. If x is the new name, only that remains. */
  #specifier({ propertyName, name }: ts.ImportSpecifier | ts.ExportSpecifier): void {
    if (propertyName === undefined) return
    const { to } = this.#rename
    if (name.text === to) this.#edits.push({ start: propertyName.getStart(), end: name.getEnd(), text: to })
    else this.#replace(propertyName, to)
  }

  #use(node: ts.Node): void {
    if (ts.isIdentifier(node)) this.#identifier(node)
    if (ts.isPropertyAccessExpression(node) && this.#isNamespace(node.expression)) this.#named(node.name)
    if (ts.isQualifiedName(node) && this.#isNamespace(node.left)) this.#named(node.right)
    if (ts.isElementAccessExpression(node) && this.#isNamespace(node.expression)) this.#key(node.argumentExpression)
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && this.#isNamespace(node.initializer))
      for (const element of node.name.elements) this.#element(element)
  }

  #identifier(node: ts.Identifier): void {
    const { name, to } = this.#rename
    const { parent } = node
    if (node.text !== name || ts.isImportSpecifier(parent)) return
    if (ts.isExportSpecifier(parent)) {
      const isLocal = !parent.parent.parent.moduleSpecifier && node === (parent.propertyName ?? parent.name)
      if (isLocal && this.#isLocal(this.#checker.getExportSpecifierLocalTargetSymbol(parent)))
        this.#replace(node, parent.propertyName ? to : `${to} as ${name}`)
    } else if (ts.isShorthandPropertyAssignment(parent) && parent.name === node) {
      if (this.#isLocal(this.#checker.getShorthandAssignmentValueSymbol(parent))) this.#replace(node, `${name}: ${to}`)
    } else if (this.#isLocal(this.#checker.getSymbolAtLocation(node))) this.#replace(node, to)
  }

  /** Handles `{ old }` and `{ old: x }`, destructured from the whole module. */
  #element({ name, propertyName }: ts.BindingElement): void {
    if (propertyName !== undefined) this.#key(propertyName)
    else if (ts.isIdentifier(name) && name.text === this.#rename.name)
      this.#replace(name, `${this.#rename.to}: ${name.text}`)
  }

  #key(node: ts.Node): void {
    if (ts.isStringLiteralLike(node) && node.text === this.#rename.name)
      this.#edits.push({ start: node.getStart() + 1, end: node.getEnd() - 1, text: this.#rename.to })
    else this.#named(node)
  }

  #named(node: ts.Node): void {
    if (ts.isIdentifier(node) && node.text === this.#rename.name) this.#replace(node, this.#rename.to)
  }

  #replace(node: ts.Node, text: string): void {
    this.#edits.push({ start: node.getStart(), end: node.getEnd(), text })
  }

  #bind({ name }: { readonly name: ts.Node }, to: Set<ts.Symbol>): void {
    const symbol = this.#checker.getSymbolAtLocation(name)
    if (symbol) to.add(symbol)
  }

  #isLocal(symbol: ts.Symbol | undefined): boolean {
    return symbol !== undefined && this.#locals.has(symbol)
  }

  /** Whether it is the whole module: a name of `import * as`, or `await import('…')`. */
  #isNamespace(node: ts.Node | undefined): boolean {
    if (node === undefined) return false
    if (ts.isParenthesizedExpression(node)) return this.#isNamespace(node.expression)
    if (ts.isIdentifier(node)) {
      const symbol = this.#checker.getSymbolAtLocation(node)
      return symbol !== undefined && this.#namespaces.has(symbol)
    }
    if (!ts.isAwaitExpression(node) || !ts.isCallExpression(node.expression)) return false
    const { expression, arguments: given } = node.expression
    return expression.kind === ts.SyntaxKind.ImportKeyword && this.#isModule(given[0])
  }

  #isRequired({ moduleReference }: ts.ImportEqualsDeclaration): boolean {
    return ts.isExternalModuleReference(moduleReference) && this.#isModule(moduleReference.expression)
  }

  #isModule(node: ts.Node | undefined): boolean {
    return node !== undefined && ts.isStringLiteralLike(node) && node.text === this.#rename.module
  }
}

function createChecker(source: ts.SourceFile): ts.TypeChecker {
  const { fileName } = source
  const host: ts.CompilerHost = {
    getSourceFile: (name) => (name === fileName ? source : undefined),
    fileExists: (name) => name === fileName,
    readFile: () => undefined,
    writeFile: () => {},
    getDefaultLibFileName: () => '',
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
  }
  return ts.createProgram([fileName], { noLib: true, noResolve: true, types: [] }, host).getTypeChecker()
}

function allNodes(node: ts.Node): readonly ts.Node[] {
  const found: ts.Node[] = []
  const visit = (each: ts.Node): void => {
    found.push(each)
    ts.forEachChild(each, visit)
  }
  visit(node)
  return found
}

function unwrapLiteral(node: ts.TypeNode): ts.Node {
  return ts.isLiteralTypeNode(node) ? node.literal : node
}

function leftmost(name: ts.EntityName): ts.Identifier {
  return ts.isIdentifier(name) ? name : leftmost(name.left)
}
