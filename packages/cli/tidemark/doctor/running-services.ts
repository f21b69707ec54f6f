import type { ConsumerStatus } from 'tidemark/tools'
import type { StatusAnswer } from '../../api/answers.ts'
import { UnreachableError } from '../../api/errors.ts'
import type { Context } from '../command/api-command.ts'
import { type Finding, firstLine } from './finding.ts'

/** The lag in seconds from which it is a warning, as in the concerns of a service. */
const BEHIND_S = 60
const SKEWED_MS = 5_000

/** Checks the running services by their status. */
export async function runningServices({ api, remote, services }: Context): Promise<readonly Finding[]> {
  const found = await Promise.all(
    services.map(async (service): Promise<readonly Finding[]> => {
      try {
        return listFindings(await api(service).get<StatusAnswer>('status'), remote)
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        return [unreached(service, error, remote)]
      }
    }),
  )
  return found.flat()
}

function unreached(service: string, error: UnreachableError, remote: boolean): Finding {
  if (error.code === 'operator-only')
    return {
      ...{ area: 'roles', what: service, result: 'wrong', detail: firstLine(error) },
      todo: 'have the role Tidemark.Operator assigned to you: docs/operate.md, "Who may look after a service"',
    }
  const what = { area: 'services', what: service, detail: firstLine(error) }
  // Without --url the service need not be running.
  if (!remote) return { ...what, result: 'unseen', todo: 'npm start' }
  return { ...what, result: 'wrong', todo: 'check the address, whether the app runs, and your keys' }
}

export function listFindings(status: StatusAnswer, remote: boolean): readonly Finding[] {
  const { service, clockSkewMs, consumers = [], unknown, concerns } = status
  const answers: Finding = { area: 'services', what: service, result: 'ok', detail: `build ${status.build} answers` }
  const role: Finding = remote
    ? { area: 'roles', what: service, result: 'ok', detail: 'you may operate it' }
    : { area: 'roles', what: service, result: 'ok', detail: 'on this machine everyone with access may operate it' }
  const perConsumer = consumers.map(checkConsumer)
  // Leave out what the findings of consumers and clocks report.
  const rest = concerns.filter(
    (concern) =>
      !consumers.some(({ consumer }) => concern.startsWith(`${consumer} is `) || concern.startsWith(`${consumer}: `)) &&
      !unknown.some(({ part }) => concern.startsWith(`${part}: `)) &&
      !concern.startsWith("this host's clock"),
  )
  return [
    answers,
    role,
    checkClock(service, clockSkewMs),
    ...perConsumer,
    ...unknown.map(
      ({ part, reason }): Finding => ({
        ...{ area: 'consumers', what: part, result: 'wrong', detail: reason },
        todo: 'check that its sources run: docs/operate.md, "Lag and health"',
      }),
    ),
    ...(status.parked ?? [])
      .filter(({ streams, messages }) => streams + messages > 0)
      .map(
        ({ consumer, streams, messages }): Finding => ({
          ...{ area: 'parked', what: consumer, result: 'warning', detail: `${streams} streams, ${messages} messages` },
          todo: `tidemark parked ${service}`,
        }),
      ),
    ...rest
      .filter((concern) => !concern.endsWith(' are parked'))
      .map(
        (concern): Finding => ({
          ...{ area: 'services', what: service, result: 'warning', detail: concern },
          todo: 'docs/operate.md, "Lag and health"',
        }),
      ),
  ]
}

function checkClock(service: string, skewMs: number | undefined): Finding {
  const what = { area: 'clocks', what: service }
  if (skewMs === undefined) return { ...what, result: 'unseen', detail: 'the service could not compare its clock' }
  const detail = `${skewMs} ms off the store's`
  if (Math.abs(skewMs) <= SKEWED_MS) return { ...what, result: 'ok', detail }
  return { ...what, result: 'warning', detail, todo: 'set the clock of its host: docs/operate.md, "Clocks"' }
}

/** Compares a consumer's checkpoints with the hub, and checks its lag. */
function checkConsumer({ consumer, hub, events, seconds, instances, paused, partitions }: ConsumerStatus): Finding {
  const what = { area: 'consumers', what: `${consumer} of ${hub}` }
  const beyond = partitions.filter(({ handled, last }) => handled !== null && handled > last)
  if (beyond.length > 0)
    return {
      ...{ ...what, result: 'wrong' },
      detail: beyond
        .map(
          ({ partition, handled, last }) => `has handled ${handled} of partition ${partition}, which ends with ${last}`,
        )
        .join('; '),
      todo: 'the hub was recreated: npm run republish, docs/operate.md',
    }
  if (paused.length > 0)
    return {
      ...{ ...what, result: 'wrong', detail: `${paused.join(', ')} paused after too many failures` },
      todo: 'fix the cause: tidemark parked shows what fails',
    }
  // An instance that has handled nothing since it started is not counted.
  if (instances === 0 && events > 0)
    return {
      ...what,
      result: 'warning',
      detail: `${events} events wait, and no instance reads them`,
      todo: 'wait a minute, then read the log of its host',
    }
  if (seconds > BEHIND_S)
    return {
      ...{ ...what, result: 'warning', detail: `${seconds} s and ${events} events behind` },
      todo: 'docs/operate.md, "Lag and health"',
    }
  return { ...what, result: 'ok', detail: `${partitions.length} partitions, ${events} events wait` }
}
