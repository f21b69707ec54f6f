import { readFile } from 'node:fs/promises'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { checkProof, createProof, ProofError, readSegments } from 'tidemark/verify'
import { UsageError } from '../../command-line/arguments.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'

/** Adds `tidemark proof`: exports the proof that the archive has an event. */
export function addProof(program: Command, services: readonly string[]): void {
  program
    .command('proof')
    .description('prints the proof that the archive of a service has an event')
    .addArgument(new Argument('<service>', 'the service').choices(services))
    .addArgument(new Argument('<event>', 'the position of the event, such as order-1@3').argParser(parsePosition))
    .option('--cloud', 'the archive in Azure, with your own sign-in; default: that of the local cloud')
    .addHelpText(
      'after',
      `${examples('proof ordering order-1@3 > proof.json', 'check-proof proof.json')}

It reads the blobs themselves, so the service need not run.`,
    )
    .action(async (service: string, event: EventPosition, { cloud }: { readonly cloud?: true }) => {
      const { openArchiveContainer } = await import('../../project/archive-container.ts')
      const proof = await createProof(readSegments(await openArchiveContainer(service, cloud === true)), event)
      if (proof) process.stdout.write(`${JSON.stringify(proof, null, 2)}\n`)
      else {
        console.error(`no segment of ${service} has ${event.stream}@${event.version}: tidemark archive ${service}`)
        process.exitCode = FOUND
      }
    })
}

/** Adds `tidemark check-proof`: needs the file alone, and neither a project nor a network. */
export function addCheckProof(program: Command): void {
  program
    .command('check-proof')
    .description('checks the proof of an event, offline; exits with 1 if it proves nothing')
    .argument('<file>', 'the proof, as tidemark proof printed it')
    .option('--root <root>', 'a root that you trust: one of the segments in the proof must have it')
    .addHelpText('after', examples('check-proof proof.json', 'check-proof proof.json --root 5f2c…'))
    .action(async (file: string, { root }: { readonly root?: string }) => {
      try {
        const { service, event, envelope, roots } = checkProof(await readJson(file))
        if (root !== undefined && !roots.includes(root))
          throw new ProofError(`no segment in the proof has the root ${root}`)
        process.stdout.write(`${JSON.stringify(envelope, null, 2)}\n`)
        const trusted = root ?? `${roots.at(-1)}: compare it with a root that you trust, or pass that with --root`
        console.error(`the archive of ${service} has ${event}, under the root ${trusted}`)
      } catch (error) {
        if (!(error instanceof ProofError)) throw error
        console.error(`${file} proves nothing: ${error.message}`)
        process.exitCode = FOUND
      }
    })
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON: ${(error as Error).message}`)
  }
}

interface EventPosition {
  readonly stream: string
  readonly version: number
}

function parsePosition(text: string): EventPosition {
  const [, stream, version] = /^([a-z][a-z0-9-]*-[^@\s]+)@([1-9]\d{0,14})$/.exec(text) ?? []
  if (stream === undefined) throw new InvalidArgumentError('It must be a position, such as order-1@3.')
  return { stream, version: Number(version) }
}
