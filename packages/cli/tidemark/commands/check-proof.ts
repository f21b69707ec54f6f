import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { checkProof, ProofError } from 'tidemark/verify'
import { UsageError } from '../../command-line/arguments.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'

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
