import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { StartError } from './errors.ts'
import { type RunningCommand, run } from './lifecycle.ts'
import { IS_COMPILED } from './module-file.ts'

/** A flag of a command: `--name VALUE`. */
interface Flag {
  /**
   * Placeholder of the value in the help. Without it the flag is a switch: `--name`, or `--no-name`, which
   * overrides the environment.
   */
  readonly value?: string
  readonly help: string
  /** The environment variable that is used if the flag is not given. An empty variable is ignored. */
  readonly env?: string
  /** Whether the flag can be repeated. */
  readonly several?: boolean
  /** For parent processes only: the help does not list the flag. */
  readonly hidden?: boolean
}

/** The only positional argument. */
interface Operand {
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
  /** The `import.meta.url` of the command's module, to find the package.json with the version. */
  readonly from: string
}

/** A mistake in the arguments of a command: one line, and exit code 2. */
export class UsageError extends StartError {
  override name = 'UsageError'
}

const HELP = { value: undefined, help: 'print this help' }
const VERSION = { value: undefined, help: 'print the version' }
const COLUMN = 24

/**
 * The given values: of flags, and of environment variables for flags that are not given. Each method reads a
 * value as one type.
 */
export class Given<Name extends string> {
  readonly #command: CommandLine<Name>
  readonly #values: ReadonlyMap<string, readonly string[]>
  readonly #operand: string | undefined
  readonly #env: NodeJS.ProcessEnv

  /** @throws UsageError for an unknown or malformed argument. */
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

  /** Reads one of the choices. @throws UsageError for any other value. */
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

  /** Returns the values of a repeatable flag. */
  texts(name: Name): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** Reads a switch. @throws UsageError for anything but 1 and 0 in the environment. */
  isOn(name: Name): boolean {
    const { text = '0', label = '' } = this.#find(name) ?? {}
    if (text !== '1' && text !== '0')
      throw usage(this.#command, `${label} is ${JSON.stringify(text)}: set it to 1 or 0`)
    return text === '1'
  }

  /** Reads a whole number, 0 to `most`. @throws UsageError */
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

  /** Reads a port; 0 means any free port. @throws UsageError */
  port<Otherwise extends number | undefined>(name: Name, otherwise: Otherwise): number | Otherwise {
    return this.number(name, 65_535, otherwise)
  }

  /** Returns the positional argument. */
  operand(): string | undefined {
    return this.#operand ?? (this.#env[this.#command.operand?.env ?? ''] || undefined)
  }

  #find(name: Name): { readonly text: string; readonly label: string } | undefined {
    const given = this.#values.get(name)?.at(-1)
    // An empty value means none, and overrides the environment.
    if (given !== undefined) return given === '' ? undefined : { text: given, label: `--${name}` }
    const { env } = this.#command.flags[name]
    const text = env && this.#env[env]
    return text ? { text, label: env } : undefined
  }
}

/**
 * Runs a command that starts something and runs until it is stopped. `--help` and `--version` only print.
 * @param start should import its modules itself: then `--help`, `--version` and an old Node do not load them.
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

/** @throws StartError for a Node version without the features that the servers need. */
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
  // Not strict, because the parser's own messages have several sentences.
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
    if (values.has(name) && !flag.several) throw usage(command, `${rawName} is given twice`)
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
    'In brackets: the environment variable that is used if the flag is not given.',
    '',
    'examples:',
    ...examples.map((example) => `  ${example}`),
  ].join('\n')
}

function readVersion(from: string): string {
  const manifest = new URL(IS_COMPILED ? '../package.json' : './package.json', from)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}
