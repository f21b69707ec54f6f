import { canary } from '../src/core/canary.ts'
import { readSubjects, runCommand, UsageError } from './arguments.ts'
import { addressOf } from './service-address.ts'
import { services } from './services.ts'

const GIVE_UP_AFTER_MS = 30_000

interface StateAnswer {
  readonly stream: string
  readonly version: number
  readonly time: string
  readonly hash: string
  readonly state: unknown
}

/**
 * `npm run state -- <stream> [--version N | --at TIME]`: asks the running system for the state of a stream at a version
 * or a moment, else the newest. The state is the output; where it stands goes to stderr, so that the output is JSON
 * alone.
 */
async function state(): Promise<void> {
  const { stream, version, at } = readSubjects(['stream'], { version: 'N', at: 'TIME' })
  const categories = services.flatMap((service) =>
    // Every service has canaries: their streams do not say whose they are, and have no state.
    service.deciders.filter((decider) => decider !== canary).map(({ category }) => ({ category, service })),
  )
  const owner = categories.find(({ category }) => stream.startsWith(`${category}-`))
  if (owner === undefined) {
    const examples = categories.map(({ category }) => `${category}-<id>`).join(', ')
    throw new UsageError(`no service has a stream ${stream}; there are ${examples}`)
  }
  const query = new URLSearchParams({
    ...(version === undefined ? {} : { version }),
    ...(at === undefined ? {} : { at }),
  })
  const address = await addressOf(owner.service.name)
  const answer = await ask(`${address}/api/${owner.service.name}/streams/${encodeURIComponent(stream)}/state?${query}`)
  console.error(`${answer.stream}@${answer.version} at ${answer.time}, hash ${answer.hash}`)
  console.log(JSON.stringify(answer.state, null, 2))
}

async function ask(url: string): Promise<StateAnswer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) }).catch((error: Error) => {
    if (error.name === 'TimeoutError') throw new UsageError(`${url} gave no answer in ${GIVE_UP_AFTER_MS / 1000} s`)
    throw new UsageError(`${url} gave no answer: ${error.message}`)
  })
  const text = await response.text()
  if (!/^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? ''))
    throw new UsageError(`${url} answered ${response.status}: it is not the running system`)
  const body = JSON.parse(text)
  if (response.ok) return body
  throw new UsageError(`${body.code}: ${body.detail}`)
}

await runCommand(state)
