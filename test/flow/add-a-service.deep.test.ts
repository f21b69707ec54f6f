import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listCodeBlocks } from '../../packages/test-support/documented-code.ts'
import { ownSettings } from '../../packages/test-support/ports.ts'
import { RepositoryCopy } from '../../packages/test-support/repository-copy.ts'
import { editDocumented, Terminal, writeDocumented } from '../support/terminal.ts'

const markdown = readFileSync(fileURLToPath(new URL('../../docs/add-a-service.md', import.meta.url)), 'utf8')

/** The lines before a block. */
const saidBefore = (text: string): string => markdown.slice(0, markdown.indexOf(text)).split('\n').slice(-4).join('\n')

/** The JSON answers of an output. */
function parseAnswers(text: string): unknown[] {
  return text
    .trim()
    .replaceAll(/}\s*{/g, '}\n{')
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('docs/add-a-service.md, followed step by step', () => {
  const copy = new RepositoryCopy()
  let terminal: Terminal
  let port: string
  let output = ''
  const carriedOut = { commands: 0, files: 0, edits: 0, answers: 0 }

  before(async () => {
    copy.copyBuild()
    const settings = await ownSettings(join(copy.folder, '.tidemark'))
    port = settings.TIDEMARK_HTTP_PORT ?? ''
    terminal = new Terminal(copy.folder, settings)
  })
  after(async () => {
    await terminal.interrupt()
    copy.remove()
  })

  for (const { info, text } of listCodeBlocks(markdown)) {
    const [language, path = ''] = info.split(' ')
    const [firstLine = ''] = text.split('\n')
    switch (language) {
      case 'sh':
        it(`$ ${firstLine.slice(0, 80)}`, async () => {
          if (text === 'npm start\n') await terminal.start(text, 'ready: ')
          else output = terminal.run(text.replaceAll('localhost:7071', `localhost:${port}`))
          carriedOut.commands += 1
        })
        break
      case 'jsonl':
        it(`answers ${firstLine.slice(0, 80)}`, () => {
          const [came, expected] = [parseAnswers(output), parseAnswers(text)]
          assert.equal(came.length, expected.length)
          for (const [index, answer] of expected.entries()) assert.partialDeepStrictEqual(came[index], answer)
          carriedOut.answers += expected.length
        })
        break
      case 'ts':
        it(path, () => {
          assert.ok(saidBefore(text).includes(`\`${path}\``), `the lines before the block do not name ${path}`)
          writeDocumented(copy.folder, path, text)
          carriedOut.files += 1
        })
        break
      case 'diff':
        it(`${path} is changed`, () => {
          assert.ok(saidBefore(text).includes(`\`${path}\``), `the lines before the block do not name ${path}`)
          editDocumented(copy.folder, path, text)
          carriedOut.edits += 1
        })
        break
      default:
        it(`${info}: a block of an unknown kind`, () => assert.fail(text))
    }
  }

  it('contains a whole service', () => {
    console.log(`# followed: ${JSON.stringify(carriedOut)}`)
    assert.ok(carriedOut.commands >= 6 && carriedOut.files >= 8 && carriedOut.answers >= 6)
  })
})
