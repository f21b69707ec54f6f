import type { Command } from 'commander'
import { PROJECT } from '../../project/project.ts'
import { apiCommand, type Context } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import type { Check, Finding } from '../doctor/finding.ts'
import type { Style } from '../output/output.ts'

const STYLES: Readonly<Record<Finding['result'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  wrong: 'red',
  unseen: 'dim',
}

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('checks the checkout, the local cloud and the running services, and says what to do')
    .addHelpText(
      'after',
      examples('doctor', 'doctor --url ordering=https://func-ordering.example.net', 'doctor --json'),
    )
  apiCommand(command, doctor)
}

async function doctor(context: Context): Promise<number> {
  const { output, remote } = context
  // Imported only here, because these modules load slowly and no other command needs them.
  const { build, generated, template, versions } = await import('../doctor/checkout.ts')
  const { access, cloudSettings, connections, keyFile, ports, settings } = await import('../doctor/local-cloud.ts')
  const { runningServices } = await import('../doctor/running-services.ts')
  const checks: readonly (readonly [string, Check])[] = [
    ['versions', async () => versions(PROJECT)],
    ['the template', async () => template(PROJECT)],
    ['build', async () => build(PROJECT)],
    ['declarations', () => generated(PROJECT)],
    // With --url the services run elsewhere, so the local cloud of this machine does not matter.
    ...(remote
      ? ([['settings', async () => [...cloudSettings(), ...elsewhere]]] as const)
      : ([
          ['settings', async () => [...settings(), ...cloudSettings()]],
          ['access', async () => [...access(), ...(await keyFile())]],
          ['ports', ports],
          ['connections', connections],
        ] as const)),
    ['services', () => runningServices(context)],
  ]
  process.chdir(PROJECT)
  const findings: Finding[] = []
  for (const [name, check] of checks) {
    output.progress(`checking ${name}`)
    findings.push(...(await check()))
    if (context.signal.aborted) return 0
  }
  const counts = Object.groupBy(findings, ({ result }) => result)
  if (output.json) output.value(findings)
  else {
    output.table(
      [{ title: 'area' }, { title: 'what', flexible: true }, { title: 'result' }, { title: 'detail', flexible: true }],
      findings.map(({ area, what, result, detail }) => [area, what, result, needsSomebody(result) ? '' : detail]),
      (index) => STYLES[findings[index]?.result ?? 'unseen'],
      (index) => {
        const { result, detail, todo } = findings[index] as Finding
        return needsSomebody(result) ? [detail, ...(todo ? [`do: ${todo}`] : [])] : []
      },
    )
    const say = (result: Finding['result']): string => `${counts[result]?.length ?? 0} ${result}`
    output.line([say('ok'), say('warning'), say('wrong'), say('unseen')].join(', '))
  }
  return counts.wrong ? FOUND : 0
}

/**
 * Whether the detail needs attention. It then gets a line of its own, which a narrow terminal does not
 * shorten.
 */
function needsSomebody(result: Finding['result']): boolean {
  return result === 'warning' || result === 'wrong'
}

const elsewhere: readonly Finding[] = ['settings', 'ports', 'connections'].map((area) => ({
  ...{ area, what: 'of the services', result: 'unseen' },
  detail: 'they run elsewhere: see the portal, or tidemark lag',
}))
