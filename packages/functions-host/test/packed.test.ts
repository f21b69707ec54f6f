import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packedEmulatorSuite } from '../../test-support/packed-emulator.ts'

/** Writes an app that is independent of this repository. */
function writeApp(folder: string): void {
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
  write('package.json', JSON.stringify({ type: 'module', main: 'functions/*.js' }))
  write('host.json', JSON.stringify({ version: '2.0' }))
  write('local.settings.json', JSON.stringify({ IsEncrypted: false, Values: { GREETING: 'hello' } }))
  mkdirSync(join(folder, 'functions'))
  write(
    'functions/greet.js',
    `import { app } from '@azure/functions'
     app.http('greet', { route: 'greet/{name}', handler: ({ params }) =>
       ({ jsonBody: \`\${process.env.GREETING} \${params.name}\` }) })`,
  )
}

async function check(printed: string): Promise<void> {
  const base = /^http:\S+$/m.exec(printed)?.[0]
  const answer = await fetch(`${base}/api/greet/ada`)
  assert.deepEqual([answer.status, await answer.json()], [200, 'hello ada'])
}

packedEmulatorSuite({
  folder: 'functions-host',
  args: [],
  beside: ['@azure/functions'],
  prepare: writeApp,
  use: check,
  check,
  readmeSays: /^200 "hello ada"$/m,
})
