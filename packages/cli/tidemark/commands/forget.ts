import { type Command, Option } from 'commander'
import { hasPersonalData, type SubjectState } from 'tidemark/tools'
import { UsageError } from '../../command-line/arguments.ts'
import { services } from '../../project/config.ts'
import { apiCommand, askEach, type Context, serviceOption } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'

interface Options {
  readonly service?: readonly string[]
  readonly reason?: string
  readonly yes?: true
}

export function addForget(program: Command): void {
  const command = program
    .command('forget')
    .description("destroys the keys of a person's data; without --yes it shows what it would do")
    .argument('<subject>', 'the id of the person, such as a customer id')
    .addOption(serviceOption())
    .addOption(new Option('--reason <text>', 'the reason, stored for ever with your name'))
    .option('--yes', 'carry the plan out; default: only show it')
    .addHelpText('after', examples('forget customer-7', 'forget customer-7 --reason "ticket 12" --yes'))
  apiCommand(command, forget, () => 'stopped: repeat the command; what is forgotten stays forgotten')
}

async function forget(context: Context, options: Options, subject = ''): Promise<number> {
  const { output } = context
  const { reason, yes } = options
  if (yes && !reason) throw new UsageError('give a --reason: it is stored for ever, so name no person in it')
  let before: Promise<unknown> = Promise.resolve()
  const { answers, missing } = await askEach(context, ownersFirst(choose(options.service)), (api) => {
    if (!yes) return api.post<SubjectState>('subjects/look', { subject })
    const asked = before.then(() => api.post<SubjectState>('subjects/forget', { subject, reason }))
    before = asked.catch(() => {})
    return asked
  })
  if (output.json) output.value({ services: answers.map(({ service, answer }) => ({ service, ...answer })) })
  else
    output.table(
      [{ title: 'service' }, { title: 'key' }, { title: yes ? 'now' : 'state', flexible: true }],
      answers.map(({ service, answer }) => [service, answer.key ?? '-', describe(answer)]),
    )
  if (!yes && answers.some(({ answer }) => answer.state === 'has-key'))
    output.remark('nothing was changed: with --reason and --yes these keys are destroyed, and nobody can undo that')
  if (missing) output.remark('not every service answered: repeat the command until all have')
  return missing
}

/** @throws UsageError if a chosen service has no personal data, or none has. */
function choose(chosen: readonly string[] | undefined): readonly string[] {
  const owners = services.filter(hasPersonalData).map(({ name }) => name)
  const without = chosen?.find((name) => !owners.includes(name))
  if (without === undefined && owners.length > 0) return chosen ?? owners
  const others = owners.length > 0 ? `those that have are ${owners.join(', ')}` : 'no service has'
  throw new UsageError(`${without ?? 'this project'} has no personal data: ${others}`)
}

/**
 * Orders services so that each comes after those whose texts it reads. Otherwise it could copy a text that they
 * still have, after it has forgotten its own.
 */
function ownersFirst(names: readonly string[]): readonly string[] {
  const ordered = new Set<string>()
  const add = (name: string, readers: readonly string[]): void => {
    const reads = services.find((service) => service.name === name)?.personal?.reads ?? []
    for (const owner of reads) if (names.includes(owner) && !readers.includes(owner)) add(owner, [...readers, name])
    ordered.add(name)
  }
  for (const name of names) add(name, [])
  return [...ordered]
}

function describe({ state, forgotten, position }: SubjectState): string {
  if (forgotten === undefined) return state === 'has-key' ? 'has a key' : 'never had a key'
  const { time, actor, reason, everywhere } = forgotten
  const recorded = position === undefined ? '' : `; recorded as ${position}`
  return `forgotten at ${time} by ${actor}: ${reason}; in every process by ${everywhere}${recorded}`
}
