import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { Operations } from '../core/operations.ts'
import { type ActorSource, readActor } from './actor.ts'
import type { Endpoint } from './http.ts'
import { object, text, time } from './operation.ts'
import { checkOperator } from './operator.ts'
import { checkParameters, readBody } from './request.ts'

/** What the endpoint needs of its service. */
interface SubjectsPort extends Pick<Operations, 'lookSubject' | 'forgetSubject'> {
  readonly actorSource: ActorSource
}

const subject = z.string().min(1).max(1000)
const bodies = {
  look: z.strictObject({ subject }),
  forget: z.strictObject({ subject, reason: z.string().trim().min(1).max(1000) }),
}
const summaries = {
  look: 'whether a person has a key, or is forgotten',
  forget: 'forgets a person: destroys the key of the personal data, and records that',
} as const
const commands = ['look', 'forget'] as const

/** `POST …/subjects/{look|forget}`: the subject is in the body, because servers log addresses. */
export function subjectCommand(port: SubjectsPort): Endpoint {
  return {
    describe: () =>
      commands.map((command) => ({
        command,
        summary: summaries[command],
        parameters: [],
        body: bodies[command],
        answer: { status: 200, description: 'What the service knows of the subject now.', headers: {}, schema: answer },
        problems: [
          ...(['invalid-json', 'invalid-command', 'invalid-query', 'unsupported-media-type'] as const),
          ...(['body-too-large', 'operator-only', 'unavailable', 'container-missing'] as const),
          ...(command === 'forget' ? (['outcome-unknown'] as const) : []),
        ],
      })),
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, [])
      const command = commands.find((each) => each === request.params.command)
      if (command === undefined)
        throw new TidemarkError('unknown-command', `the commands for subjects are ${commands.join(', ')}`)
      const fault = `the body does not fit ${command}`
      if (command === 'look') {
        const { subject } = await readBody(request, bodies.look, fault)
        return { jsonBody: await port.lookSubject(subject) }
      }
      const { subject, reason } = await readBody(request, bodies.forget, fault)
      return { jsonBody: await port.forgetSubject(subject, { reason, by: readActor(request, port.actorSource) }) }
    },
  }
}

const answer = object(
  {
    subject: text,
    state: { type: 'string', enum: ['no-key', 'has-key', 'forgotten'] },
    key: text,
    forgotten: object({ time, actor: text, reason: text, everywhere: time }),
    position: text,
  },
  ['key', 'forgotten', 'position'],
)
