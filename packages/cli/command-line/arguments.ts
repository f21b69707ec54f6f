import { parseArgs } from 'node:util'

/** A mistake of whoever called a command: told in one line, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Somebody asked what arguments there are: no mistake. */
class HelpAsked extends Error {
  override readonly name = 'HelpAsked'
}

/** Asked for, it is told before anything else is looked at. */
const HELP = '--help'

/**
 * Reads `--name value` arguments that are whole numbers, `--name` flags, and `--name value` arguments that
 * may stand several times.
 * @throws UsageError naming what is wrong and what there is.
 */
export function readArguments<Numbers extends string, Flags extends string, Lists extends string = never>(
  numbers: Readonly<Record<Numbers, number>>,
  flags: readonly Flags[],
  lists: readonly Lists[] = [],
): Record<Numbers, number> & Record<Flags, boolean> & Record<Lists, readonly string[]> {
  const options = {
    ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: 'string' as const }])),
    ...Object.fromEntries(flags.map((name) => [name, { type: 'boolean' as const }])),
    ...Object.fromEntries(lists.map((name) => [name, { type: 'string' as const, multiple: true }])),
  }
  const usage = [
    ...Object.keys(numbers).map((name) => `--${name} N`),
    ...flags.map((name) => `--${name}`),
    ...lists.map((name) => `--${name} NAME`),
  ].join(' ')
  if (process.argv.includes(HELP)) throw new HelpAsked(`arguments: ${usage || 'none'}`)
  let values: Record<string, unknown>
  try {
    values = parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. There are: ${usage || 'none'}`)
  }
  const read: Record<string, unknown> = {}
  for (const [name, otherwise] of Object.entries<number>(numbers)) {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (!Number.isSafeInteger(value) || value < 0)
      throw new UsageError(`--${name} is a whole number. There are: ${usage}`)
    read[name] = value
  }
  for (const name of flags) read[name] = values[name] === true
  for (const name of lists) read[name] = values[name] ?? []
  return read as ReturnType<typeof readArguments<Numbers, Flags, Lists>>
}

/**
 * Reads the arguments that stand alone, each of them needed, `--name value` arguments that may be left out,
 * and `--name` flags.
 * @param subjects what each argument is, @param options what each value is: both for the line that says what there is.
 * @throws UsageError naming what is wrong and what there is.
 */
export function readSubjects<Subjects extends string, Names extends string = never, Flags extends string = never>(
  subjects: readonly Subjects[],
  options: Readonly<Record<Names, string>>,
  flags: readonly Flags[] = [],
): Readonly<Record<Subjects, string> & Partial<Record<Names, string>> & Record<Flags, boolean>> {
  const named = Object.entries<string>(options)
  const usage = [
    ...subjects.map((subject) => `<${subject}>`),
    ...named.map(([name, value]) => `[--${name} ${value}]`),
    ...flags.map((flag) => `[--${flag}]`),
  ].join(' ')
  const types = {
    ...Object.fromEntries(named.map(([name]) => [name, { type: 'string' as const }])),
    ...Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }])),
  }
  if (process.argv.includes(HELP)) throw new HelpAsked(`arguments: ${usage || 'none'}`)
  let read: { values: Record<string, unknown>; positionals: string[] }
  try {
    read = parseArgs({ options: types, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. There are: ${usage}`)
  }
  if (read.positionals.length !== subjects.length)
    throw new UsageError(`name one ${subjects.join(' and one ')}: ${usage}`)
  return {
    ...read.values,
    ...Object.fromEntries(flags.map((flag) => [flag, read.values[flag] === true])),
    ...Object.fromEntries(subjects.map((subject, index) => [subject, read.positionals[index]])),
  } as ReturnType<typeof readSubjects<Subjects, Names, Flags>>
}

/** The exit code of a command that was interrupted: 128 and SIGINT. */
export const INTERRUPTED = 130

/** Runs a command: what is the caller's to mend is one line and exit code 1, anything else the whole error. */
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
