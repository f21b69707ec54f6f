import type { Command } from 'commander'
import { bareProgram } from './bare-program.ts'
import { examples } from './command/examples.ts'
import { exitCodes } from './command/exit-codes.ts'
import { addArchive } from './commands/archive.ts'
import { addCause } from './commands/cause.ts'
import { addCheckProof } from './commands/check-proof.ts'
import { addCompletions } from './commands/completions.ts'
import { addConsole } from './commands/console.ts'
import { addDecide } from './commands/decide.ts'
import { addDiff } from './commands/diff.ts'
import { addDoctor } from './commands/doctor.ts'
import { addForget } from './commands/forget.ts'
import { addHandedOver } from './commands/hand-over.ts'
import { addLag } from './commands/lag.ts'
import { addParked } from './commands/parked.ts'
import { addProof } from './commands/proof.ts'
import { addRebuild } from './commands/rebuild.ts'
import { addSchedule } from './commands/schedule.ts'
import { addShow } from './commands/show.ts'
import { addStreams } from './commands/streams.ts'
import { addTail } from './commands/tail.ts'
import { addUpgrade } from './commands/upgrade.ts'
import { addVerify } from './commands/verify.ts'
import { addViews } from './commands/views.ts'

/** The command `tidemark`, with all its commands. */
export function tidemark(): Command {
  const program = bareProgram().addHelpText(
    'after',
    `${examples('start', 'lag', 'show order-1', 'tail --service ordering')}\n${EXITS}`,
  )
  addHandedOver(program)
  addUpgrade(program)
  for (const add of [addStreams, addShow, addDiff, addCause, addTail, addDecide]) add(program)
  for (const add of [
    addViews,
    addRebuild,
    addVerify,
    addArchive,
    addProof,
    addCheckProof,
    addLag,
    addParked,
    addForget,
    addSchedule,
    addConsole,
    addDoctor,
  ])
    add(program)
  addCompletions(program)
  return program
}

const EXITS = `\nExit codes:\n${Object.entries(exitCodes)
  .map(([code, meaning]) => `  ${code.padEnd(4)} ${meaning}`)
  .join('\n')}`
