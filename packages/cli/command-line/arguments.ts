import { type ParseArgsConfig, parseArgs } from 'node:util'

/** A mistake of the caller: reported in one line, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The caller asked for help: not a mistake. */
class HelpAsked extends Error {
  override readonly name = 'HelpAsked'
}

/** Handled before all other arguments. */
const HELP = '--help'

/**
 * Reads whole numbers (`--name value`), flags (`--name`), and lists (`--name value`, which may be repeated).
 * @throws UsageError that names the mistake and the valid arguments.
 */
export function readArguments<Numbers extends string, Flags extends string, Lists extends string = never>(
  numbers: Readonly<Record<Numbers, number>>,
  flags: readonly Flags[],
  lists: readonly Lists[] = [],
): Record<Numbers, number> & Record<Flags, boolean> & Record<Lists, readonly string[]> {
  const options = {
    ...declare(Object.keys(numbers), { type: 'string' }),
    ...declare(flags, { type: 'boolean' }),
    ...declare(lists, { type: 'string', multiple: true }),
  }
  const usage = [
    ...Object.keys(numbers).map((name) => `--${name} N`),
    ...flags.map((name) => `--${name}`),
    ...lists.map((name) => `--${name} NAME`),
  ].join(' ')
  const { values } = parse(usage, { options })
  const read: Record<string, unknown> = {}
  for (const [name, otherwise] of Object.entries<number>(numbers)) {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (!Number.isSafeInteger(value) || value < 0)
      throw new UsageError(`--${name} must be a whole number. There are: ${usage}`)
    read[name] = value
  }
  for (const name of flags) read[name] = values[name] === true
  for (const name of lists) read[name] = values[name] ?? []
  return read as ReturnType<typeof readArguments<Numbers, Flags, Lists>>
}

/**
 * Reads positional arguments, all required; optional `--name value` arguments; and `--name` flags.
 * @param subjects the name of each positional argument. @param options the name of each value. Both appear in
 * the usage line.
 * @throws UsageError that names the mistake and the valid arguments.
 */
export function readSubjects<Subjects extends string, Names extends string = never, Flags extends string = never>(
  subjects: readonly Subjects[],
  options: Readonly<Record<Names, string>>,
  flags: readonly Flags[] = [],
): Readonly<Record<Subjects, string> & Partial<Record<Names, string>> & Record<Flags, boolean>> {
  const usage = [
    ...subjects.map((subject) => `<${subject}>`),
    ...Object.entries<string>(options).map(([name, value]) => `[--${name} ${value}]`),
    ...flags.map((flag) => `[--${flag}]`),
  ].join(' ')
  const types = { ...declare(Object.keys(options), { type: 'string' }), ...declare(flags, { type: 'boolean' }) }
  const { values, positionals } = parse(usage, { options: types, allowPositionals: true })
  if (positionals.length !== subjects.length) throw new UsageError(`name one ${subjects.join(' and one ')}: ${usage}`)
  return {
    ...values,
    ...Object.fromEntries(flags.map((flag) => [flag, values[flag] === true])),
    ...Object.fromEntries(subjects.map((subject, index) => [subject, positionals[index]])),
  } as ReturnType<typeof readSubjects<Subjects, Names, Flags>>
}

type Options = NonNullable<ParseArgsConfig['options']>

const declare = (names: readonly string[], option: Options[string]): Options =>
  Object.fromEntries(names.map((name) => [name, option]))

/** @throws HelpAsked, UsageError */
function parse(usage: string, config: ParseArgsConfig): ReturnType<typeof parseArgs> {
  if (process.argv.includes(HELP)) throw new HelpAsked(`arguments: ${usage || 'none'}`)
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. There are: ${usage || 'none'}`)
  }
}

/** The exit code of an interrupted command: 128 plus the number of SIGINT. */
export const INTERRUPTED = 130

/**
 * Runs a command. A mistake of the caller prints one line, any other error prints whole; both exit with 1.
 */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    if (error instanceof HelpAsked) {
      console.log(error.message)
      return
    }
    const plain = error instanceof UsageError || (error instanceof Error && error.name === 'StartError')
    console.error(plain ? (error as Error).message : error)
    process.exitCode = 1
  }
}
