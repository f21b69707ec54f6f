import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { StartError } from './errors.ts'
import { type RunningCommand, run } from './lifecycle.ts'
import { IS_COMPILED } from './module-file.ts'

/** A flag of a command: `--name VALUE`. */
export interface Flag {
  /**
   * What stands for its value in the help. Without it the flag is a switch: `--name`, and `--no-name`, which
   * undoes the environment.
   */
  readonly value?: string
  readonly help: string
  /** The environment variable that says it where the flag is not given. Empty says nothing. */
  readonly env?: string
  /** Whether it may stand several times. */
  readonly several?: boolean
  /** For the parent process alone: the help is silent about it. */
  readonly hidden?: boolean
}

/** The one argument without a name. */
export interface Operand {
  readonly name: string
  readonly help: string
  readonly env: string
}

export interface CommandLine<Name extends string> {
  readonly name: string
  readonly description: string
  readonly operand?: Operand
  readonly flags: Readonly<Record<Name, Flag>>
  readonly examples: readonly string[]
  /** The `import.meta.url` of the command's module, beside whose package.json it stands: the version. */
  readonly from: string
}

/** What the caller of a command gave wrong: one line, and exit code 2. */
export class UsageError extends StartError {
  override name = 'UsageError'
}

const HELP = { value: undefined, help: 'prints this' }
const VERSION = { value: undefined, help: 'prints the version' }
const COLUMN = 24

/**
 * What was given: by flags, and by environment variables where a flag is not given. Each has the type that it
 * is asked for.
 */
export class Given<Name extends string> {
  readonly #command: CommandLine<Name>
  readonly #values: ReadonlyMap<string, readonly string[]>
  readonly #operand: string | undefined
  readonly #env: NodeJS.ProcessEnv

  /** @throws UsageError for what the command does not know. */
  constructor(command: CommandLine<Name>, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#command = command
    this.#env = env
    const { values, operands } = parsed(command, args)
    if (operands.length > (command.operand ? 1 : 0))
      throw usage(command, `${JSON.stringify(operands.at(-1))} is one argument too many`)
    this.#values = values
    this.#operand = operands[0]
  }

  text(name: Name): string | undefined {
    return this.#find(name)?.text
  }

  /** @throws UsageError for any other. */
  oneOf<Choice extends string>(name: Name, choices: readonly Choice[], otherwise: Choice): Choice {
    const found = this.#find(name)
    if (found === undefined) return otherwise
    const choice = choices.find((each) => each === found.text)
    if (choice !== undefined) return choice
    throw usage(
      this.#command,
      `${found.label} is ${JSON.stringify(found.text)}: set it to one of ${choices.join(', ')}`,
    )
  }

  /** Those of a flag that may stand several times. */
  texts(name: Name): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** @throws UsageError for anything but 1 and 0 in the environment. */
  isOn(name: Name): boolean {
    const { text = '0', label = '' } = this.#find(name) ?? {}
    if (text !== '1' && text !== '0')
      throw usage(this.#command, `${label} is ${JSON.stringify(text)}: set it to 1 or 0`)
    return text === '1'
  }

  /** A whole number. @throws UsageError */
  number<Otherwise extends number | undefined>(name: Name, most: number, otherwise: Otherwise): number | Otherwise {
    const found = this.#find(name)
    if (found === undefined) return otherwise
    if (!/^\d+$/.test(found.text) || Number(found.text) > most)
      throw usage(
        this.#command,
        `${found.label} is ${JSON.stringify(found.text)}: set it to a whole number, 0 to ${most}`,
      )
    return Number(found.text)
  }

  /** 0 is any free one. @throws UsageError */
  port<Otherwise extends number | undefined>(name: Name, otherwise: Otherwise): number | Otherwise {
    return this.number(name, 65_535, otherwise)
  }

  /** The argument without a name. */
  operand(): string | undefined {
    return this.#operand ?? (this.#env[this.#command.operand?.env ?? ''] || undefined)
  }

  #find(name: Name): { readonly text: string; readonly label: string } | undefined {
    const given = this.#values.get(name)?.at(-1)
    // An empty one says that there is none, whatever the environment has.
    if (given !== undefined) return given === '' ? undefined : { text: given, label: `--${name}` }
    const { env } = this.#command.flags[name]
    const text = env && this.#env[env]
    return text ? { text, label: env } : undefined
  }
}

/**
 * Runs a command that starts something and goes on until it is told to end. `--help` and `--version` are
 * answered first.
 * @param start what is not imported before this runs is not loaded for an answer, or by a Node that is too old.
 */
export async function runCommand<Name extends string>(
  command: CommandLine<Name>,
  start: (given: Given<Name>) => Promise<RunningCommand>,
): Promise<void> {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) console.log(formatHelp(command))
  else if (args.includes('--version')) console.log(readVersion(command.from))
  else
    await run(async () => {
      checkNode(process.versions.node)
      return start(new Given(command, args, process.env))
    })
}

/** @throws StartError for a Node without what the servers are made of. */
export function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 18)) throw new StartError(`Node ${version} is too old: use 22.18 or newer`)
}

function parsed<Name extends string>(command: CommandLine<Name>, args: readonly string[]) {
  const flags: Readonly<Record<string, Flag>> = command.flags
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const) },
    ]),
  )
  // Not strict: its own messages are of several sentences.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true })
  const values = new Map<string, readonly string[]>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { rawName, value, inlineValue } = token
    const undone = !Object.hasOwn(flags, token.name) && token.name.startsWith('no-')
    const name = undone ? token.name.slice(3) : token.name
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (!flag || (undone && flag.value)) throw usage(command, `${rawName} is unknown`)
    if (!flag.value && value !== undefined) throw usage(command, `${rawName} takes no value`)
    if (flag.value && (value === undefined || (!inlineValue && value.startsWith('-'))))
      throw usage(command, `${rawName} needs a value, ${flag.value}`)
    if (values.has(name) && !flag.several) throw usage(command, `${rawName} stands there twice`)
    values.set(name, [...(values.get(name) ?? []), value ?? (undone ? '0' : '1')])
  }
  return { values, operands }
}

function usage({ name }: { readonly name: string }, what: string): UsageError {
  return new UsageError(`${what} (${name} --help)`)
}

function formatHelp<Name extends string>({
  name,
  description: does,
  operand,
  flags,
  examples,
}: CommandLine<Name>): string {
  const shown = Object.entries<Flag>({ ...flags, help: HELP, version: VERSION }).filter(([, { hidden }]) => !hidden)
  const row = (left: string, help: string, env?: string): string => {
    const text = env ? `${help} [${env}]` : help
    return left.length < COLUMN ? `  ${left.padEnd(COLUMN)}${text}` : `  ${left}\n  ${' '.repeat(COLUMN)}${text}`
  }
  return [
    does,
    '',
    `usage: ${name}${operand ? ` [${operand.name}]` : ''} [flags]`,
    '',
    ...(operand ? [row(operand.name, operand.help, operand.env)] : []),
    ...shown.map(([flag, { value, help, env }]) => row(`--${flag}${value ? ` ${value}` : ''}`, help, env)),
    '',
    'In brackets: the environment variable that is read where the flag is not given.',
    '',
    'examples:',
    ...examples.map((example) => `  ${example}`),
  ].join('\n')
}

function readVersion(from: string): string {
  const manifest = new URL(IS_COMPILED ? '../package.json' : './package.json', from)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}
