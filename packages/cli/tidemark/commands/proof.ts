import { Argument, type Command, InvalidArgumentError } from 'commander'
import { isStream } from 'tidemark/tools'
import { createProof, readSegments } from 'tidemark/verify'
import { serviceArgument } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { parsePosition } from '../command/position.ts'

/** Adds `tidemark proof`: exports the proof that the archive has an event. */
export function addProof(program: Command): void {
  program
    .command('proof')
    .description('prints the proof that the archive of a service has an event')
    .addArgument(serviceArgument())
    .addArgument(new Argument('<event>', 'the position of the event, such as order-1@3').argParser(readPosition))
    .option('--cloud', 'the archive in Azure, with your own sign-in; default: that of the local cloud')
    .addHelpText(
      'after',
      `${examples('proof ordering order-1@3 > proof.json', 'check-proof proof.json')}

It reads the blobs themselves, so the service need not run.`,
    )
    .action(async (service: string, event: ReturnType<typeof readPosition>, { cloud }: { readonly cloud?: true }) => {
      // Loaded late: every other command would wait for the SDK.
      const { openArchiveContainer } = await import('../../project/archive-container.ts')
      const proof = await createProof(readSegments(await openArchiveContainer(service, cloud === true)), event)
      if (proof) process.stdout.write(`${JSON.stringify(proof, null, 2)}\n`)
      else {
        console.error(`no segment of ${service} has ${event.stream}@${event.version}: tidemark archive ${service}`)
        process.exitCode = FOUND
      }
    })
}

function readPosition(text: string) {
  const position = parsePosition(text)
  if (position && isStream(position.stream)) return position
  throw new InvalidArgumentError('It must be a position, such as order-1@3.')
}
