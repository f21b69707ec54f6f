import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { loadLocalSettings } from '../local-settings.ts'

const NAMES = ['LOCAL_SETTING_A', 'LOCAL_SETTING_B', 'LOCAL_SETTING_C']

describe('local.settings.json', () => {
  let root: string
  const write = (text: string): void => writeFileSync(join(root, 'local.settings.json'), text)
  const settings = () => NAMES.map((name) => process.env[name])
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tidemark-local-settings-'))
  })
  afterEach(() => {
    rmSync(root, { recursive: true })
    for (const name of NAMES) delete process.env[name]
  })

  test('is refused in one line that names it, if Core Tools could not read it', async () => {
    const refused: readonly (readonly [text: string, message: RegExp])[] = [
      ['{', /local\.settings\.json cannot be read: [^\n]+$/],
      ['{"IsEncrypted": true, "Values": {}}', /local\.settings\.json is encrypted: decrypt it/],
      ['{"Values": []}', /local\.settings\.json: Values must be an object$/],
      ['{"Values": "a"}', /local\.settings\.json: Values must be an object$/],
      ['{"Values": {"LOCAL_SETTING_A": {"b": 1}}}', /local\.settings\.json: LOCAL_SETTING_A must be a string$/],
      ['{"Values": {"LOCAL_SETTING_A": null}}', /local\.settings\.json: LOCAL_SETTING_A must be a string$/],
    ]
    for (const [text, message] of refused) {
      write(text)
      await assert.rejects(loadLocalSettings(root), { name: 'StartError', message }, text)
    }
    assert.deepEqual(settings(), [undefined, undefined, undefined])
  })

  test('sets its values, but does not override the environment', async () => {
    process.env.LOCAL_SETTING_A = 'of the environment'
    write('\uFEFF{"Values": {"LOCAL_SETTING_A": "a", "LOCAL_SETTING_B": "b", "LOCAL_SETTING_C": 3}}')
    await loadLocalSettings(root)
    assert.deepEqual(settings(), ['of the environment', 'b', '3'])
  })

  test('is optional, as are its values', async () => {
    await loadLocalSettings(root)
    write('{"Host": {"CORS": "*"}}')
    await loadLocalSettings(root)
    assert.deepEqual(settings(), [undefined, undefined, undefined])
  })
})
