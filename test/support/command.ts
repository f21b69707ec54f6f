import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from './wait.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** A command of the CLI in a process of its own. */
export class Command {
  readonly #child: ChildProcess
  readonly ended: Promise<Ended>
  output = ''

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk
      })
    this.ended = once(this.#child, 'close').then(([code]) => ({ code, output: this.output }))
  }

  async prints(text: string): Promise<void> {
    let over = false
    void this.ended.then(() => {
      over = true
    })
    const printed = (): string => {
      if (over && !this.output.includes(text)) throw new Error(`it ended before it printed ${text}: ${this.output}`)
      return this.output
    }
    await until(`it to print ${text}`, printed, (output) => output.includes(text))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/** Holds a replay until a later one has begun: how long a process takes to start is not what decides. @returns how the later one ended. */
export async function overtakes(earlier: Command, later: Command): Promise<Ended> {
  earlier.kill('SIGSTOP')
  await later.prints('beside')
  earlier.kill('SIGCONT')
  return later.ended
}
