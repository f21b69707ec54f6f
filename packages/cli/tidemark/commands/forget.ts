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
  const { answers, missing } = await askEach(context, choose(options.service), (api) =>
    yes
      ? api.post<SubjectState>('subjects/forget', { subject, reason })
      : api.post<SubjectState>('subjects/look', { subject }),
  )
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

function describe({ state, forgotten, position }: SubjectState): string {
  if (forgotten === undefined) return state === 'has-key' ? 'has a key' : 'never had a key'
  const { time, actor, reason, everywhere } = forgotten
  const recorded = position === undefined ? '' : `; recorded as ${position}`
  return `forgotten at ${time} by ${actor}: ${reason}; in every process by ${everywhere}${recorded}`
}
