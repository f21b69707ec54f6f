import { createRequire } from 'node:module'
import { TextlintKernel, type TextlintKernelPlugin, type TextlintKernelRule } from '@textlint/kernel'
import { MAX_SENTENCE, TERMS } from './rules.ts'

const kernel = new TextlintKernel()
const plugins = [
  { pluginId: 'markdown', plugin: load<TextlintKernelPlugin['plugin']>('@textlint/textlint-plugin-markdown') },
  { pluginId: 'text', plugin: load<TextlintKernelPlugin['plugin']>('@textlint/textlint-plugin-text') },
]
const rules = [
  {
    ruleId: 'sentence-length',
    rule: load<TextlintKernelRule['rule']>('textlint-rule-sentence-length'),
    options: { max: MAX_SENTENCE },
  },
  {
    ruleId: 'terminology',
    rule: load<TextlintKernelRule['rule']>('textlint-rule-terminology'),
    options: { defaultTerms: false, terms: TERMS },
  },
]

/** What a CommonJS module exports as its default: rules of textlint come without types. */
function load<Exported>(name: string): Exported {
  return createRequire(import.meta.url)(name).default
}

/** What is wrong with a text, and in which line, from 1. @param ext what it is written in: Markdown, or plain text. */
export async function lintProse(
  text: string,
  ext: '.md' | '.txt',
): Promise<readonly { readonly line: number; readonly fault: string }[]> {
  const { messages } = await kernel.lintText(text, { ext, plugins, rules })
  return messages.map(({ line, message }) => ({ line, fault: message.replaceAll('\n', ' ') }))
}
