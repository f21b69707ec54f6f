import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import { newToken } from '../../../kit/local-token.ts'
import { readSite } from '../../../local-cloud/front/site.ts'
import { startConsole } from '../../console/console-server.ts'
import { CONSOLE } from '../../project/console-site.ts'
import { apiCommand, type Context } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'

const DEFAULT_PORT = 7070

interface Options {
  readonly port: number
}

export function addConsole(program: Command): void {
  const command = program
    .command('console')
    .description('serves the console for services that run elsewhere, with your sign-in, until Ctrl-C')
    .option('--port <n>', 'the port, on this machine only; 0: any free port', port, DEFAULT_PORT)
    .addHelpText(
      'after',
      examples('console --url ordering=https://func-ordering.example.net', 'console --url https://api.example.net'),
    )
  apiCommand(command, serve)
}

async function serve({ output, services, signal, asking }: Context, { port }: Options): Promise<number> {
  const { addresses, credentials } = asking
  // Looked up once, because on this machine a lookup tries several ports.
  const found = new Map<string, string>()
  for (const service of services) found.set(service, await addresses.of(service))
  for (const [service, address] of found) output.remark(`${service.padEnd(12)} ${address}`)
  const token = newToken()
  const running = await startConsole({
    ...{ port, token, services, site: readSite(CONSOLE) },
    asking: { credentials, addresses: { ...addresses, of: async (service) => found.get(service) ?? '' } },
  })
  try {
    const address = `${running.address}/#token=${token}`
    if (output.json) output.value({ address, services })
    else output.line(`console      ${address}`)
    output.remark('ready: Ctrl-C ends it; anyone with this address has your rights on the services')
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    await running.stop()
  }
  return 0
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It must be a port, 0 to 65535.')
  return Number(text)
}
