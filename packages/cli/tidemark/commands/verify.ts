import type { Command } from 'commander'
import type { Verification } from 'tidemark/tools'
import { UnreachableError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'
import { apiCommand, askEach, type Context, serviceArguments } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import type { Output } from '../output/output.ts'

/** The highest number of findings to show. */
const SHOWN = 1_000

type Verified = Pick<Verification, 'checked' | 'findings' | 'found'>
type Counted = Verification['checked']

export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('makes the services check their logs; exits with 1 if a log was changed')
    .addArgument(serviceArguments())
    .addHelpText(
      'after',
      `${examples('verify', 'verify ordering --json')}

A service checks only itself and its log. \`npm run verify\` checks log and views independently.`,
    )
  apiCommand(command, verify, () => 'stopped: the rest was not checked')
}

async function verify(context: Context, _: object, ...named: readonly string[]): Promise<number> {
  const { output } = context
  const progress = new Map<string, string>()
  const { answers, missing } = await askEach(
    context,
    named.length > 0 ? [...new Set(named)] : context.services,
    (api) =>
      verified(api, (text) => {
        progress.set(api.service, text)
        output.progress([...progress].map(([service, part]) => `${service} ${part}`).join('  '))
      }),
  )
  const all = answers.map(({ service, answer }) => ({ service, ...answer }))
  if (output.json) output.value(all)
  else report(output, all)
  if (missing !== 0) return missing
  // The log of a named service must have events. Without names, some services may have none yet.
  const isEmpty = ({ checked }: Verified): boolean => checked.events === 0
  const nothingChecked = named.length > 0 ? all.some(isEmpty) : all.every(isEmpty)
  return nothingChecked || all.some(({ found }) => found > 0) ? FOUND : 0
}

/** Verifies a log. Each call works for some seconds, and returns where the next one continues. */
async function verified(api: ServiceApi, progress: (text: string) => void): Promise<Verified> {
  let checked: Counted = { commits: 0, events: 0, receipts: 0, streams: 0 }
  const findings: Verified['findings'][number][] = []
  let found = 0
  let continuation: string | undefined
  for (;;) {
    const answer = await api.post<Verification>('verification', continuation === undefined ? {} : { continuation })
    checked = plus(checked, answer.checked)
    findings.push(...answer.findings.slice(0, SHOWN - findings.length))
    found += answer.found
    progress(`${answer.progress.done}/${answer.progress.total}`)
    if (answer.continuation === undefined) return { checked, findings, found }
    if (answer.continuation === continuation)
      throw new UnreachableError('the verification makes no progress: the rest was not checked')
    continuation = answer.continuation
  }
}

function plus(a: Counted, b: Counted): Counted {
  return {
    commits: a.commits + b.commits,
    events: a.events + b.events,
    receipts: a.receipts + b.receipts,
    streams: a.streams + b.streams,
  }
}

function report(output: Output, all: readonly (Verified & { readonly service: string })[]): void {
  const counts = ['streams', 'commits', 'events', 'receipts'] as const
  output.table(
    [
      { title: 'service' },
      ...counts.map((title) => ({ title, right: true as const })),
      { title: 'findings', right: true },
    ],
    all.map(({ service, checked, found }) => [service, ...counts.map((count) => checked[count]), found]),
    (index) => (all[index]?.found ? 'red' : undefined),
  )
  const found = all.flatMap(({ service, findings }) => findings.map((finding) => ({ service, ...finding })))
  if (found.length > 0) {
    output.line()
    output.table(
      [{ title: 'service' }, { title: 'place', flexible: true }, { title: 'wrong' }],
      found.map(({ service, place, wrong }) => [service, place, wrong]),
      undefined,
      (index) => [found[index]?.detail ?? ''],
    )
  }
  for (const { service, found, findings } of all)
    if (found > findings.length) output.remark(`${service}: and ${found - findings.length} more`)
  for (const { service, checked } of all) if (checked.events === 0) output.remark(`${service}: its log has no event`)
}
