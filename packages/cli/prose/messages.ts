import ts from 'typescript'

/** A text that people read, and where it stands. */
interface Message {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly text: string
}

/** Functions whose first or second argument is a text for people: refusals, log lines, problems. */
const SPEAKING = new Set(['refuse', 'warn', 'error', 'log', 'info', 'say', 'print', 'fail'])

/**
 * The texts of errors, refusals and log lines in a file. What a template inserts is written as `X`.
 * @param text the file's source.
 */
export function findMessages(file: string, text: string): readonly Message[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const messages: Message[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && speaks(node))
      for (const argument of node.arguments ?? []) {
        const message = readText(argument)
        // A code, a level or a name is no sentence.
        if (message?.includes(' '))
          messages.push({
            file,
            line: source.getLineAndCharacterOfPosition(argument.getStart()).line + 1,
            text: message,
          })
      }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return messages
}

function speaks(node: ts.NewExpression | ts.CallExpression): boolean {
  const { expression } = node
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()
  return ts.isNewExpression(node) ? name.endsWith('Error') : SPEAKING.has(name)
}

function readText(node: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join('')
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [readText(node.left), readText(node.right)]
    return left === undefined || right === undefined ? undefined : left + right
  }
  return undefined
}
