import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CommandLine, checkNode, Given } from '../command-line.ts'

const command: CommandLine<'port' | 'data' | 'hub' | 'fast'> = {
  name: 'emulator',
  description: 'Serves.',
  operand: { name: 'FOLDER', help: 'a folder', env: 'EMULATOR_FOLDER' },
  flags: {
    port: { value: 'PORT', help: 'where it listens', env: 'EMULATOR_PORT' },
    data: { value: 'FOLDER', help: 'its data', env: 'EMULATOR_DATA' },
    hub: { value: 'NAME', help: 'a hub', several: true },
    fast: { help: 'does not wait', env: 'EMULATOR_FAST' },
  },
  examples: [],
  from: import.meta.url,
}

const given = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => new Given(command, args, env)

describe('a command line', () => {
  it('is refused in one line if the command does not know it', () => {
    const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [['--prot', '1'], /^--prot is unknown \(emulator --help\)$/],
      [['-x'], /^-x is unknown/],
      [['--no-port'], /^--no-port is unknown/],
      [['--toString'], /^--toString is unknown/],
      [['--port'], /^--port needs a value, PORT/],
      [['--port', '--fast'], /^--port needs a value, PORT/],
      [['--fast=1'], /^--fast takes no value/],
      [['--port', '1', '--port', '2'], /^--port is given twice/],
      [['a', 'b'], /^"b" is one argument too many/],
    ]
    for (const [args, message] of refused)
      assert.throws(() => given(args), { name: 'UsageError', message }, args.join(' '))
  })

  it('is refused with a wrong value, by the name of the flag or variable', () => {
    for (const port of ['70000', 'http', '-1', '1.5'])
      assert.throws(() => given([`--port=${port}`]).port('port', 1), {
        message: new RegExp(`^--port is "${port}": set it`),
      })
    assert.throws(() => given([], { EMULATOR_PORT: 'x' }).port('port', 1), { message: /^EMULATOR_PORT is "x": set it/ })
    assert.throws(() => given([], { EMULATOR_FAST: 'yes' }).isOn('fast'), {
      message: /^EMULATOR_FAST is "yes": set it to 1 or 0/,
    })
  })

  it('accepts one of several values, and refuses any other', () => {
    const level = (...args: readonly string[]) => given(args).oneOf('data', ['low', 'high'], 'low')
    assert.deepEqual([level('--data', 'high'), level()], ['high', 'low'])
    assert.throws(() => level('--data=loud'), { message: /^--data is "loud": set it to one of low, high/ })
  })

  it('overrides the environment, which overrides the defaults', () => {
    const env = { EMULATOR_PORT: '1', EMULATOR_DATA: 'b', EMULATOR_FAST: '1', EMULATOR_FOLDER: 'd' }
    const flags = given(['--port', '0', '--data=a', '--no-fast', 'c'], env)
    assert.deepEqual(
      [flags.port('port', 9), flags.text('data'), flags.isOn('fast'), flags.operand()],
      [0, 'a', false, 'c'],
    )
    const set = given([], env)
    assert.deepEqual([set.port('port', 9), set.text('data'), set.isOn('fast'), set.operand()], [1, 'b', true, 'd'])
    const unset = given([], { EMULATOR_PORT: '', EMULATOR_DATA: '', EMULATOR_FAST: '', EMULATOR_FOLDER: '' })
    assert.deepEqual(
      [unset.port('port', 9), unset.text('data'), unset.isOn('fast'), unset.operand()],
      [9, undefined, false, undefined],
    )
    // A parent passes an empty flag to override its child's environment.
    assert.equal(given(['--data='], env).text('data'), undefined)
  })

  it('has each value of a repeatable flag', () => {
    assert.deepEqual(given(['--hub', 'a', '--hub=b']).texts('hub'), ['a', 'b'])
    assert.deepEqual(given([]).texts('hub'), [])
  })

  it('refuses a Node version that is too old', () => {
    for (const version of ['18.20.0', '20.20.2', '22.17.1'])
      assert.throws(() => checkNode(version), { message: /too old/ })
    for (const version of ['22.18.0', '24.0.0', '26.1.0']) checkNode(version)
  })
})
