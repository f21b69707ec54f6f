import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WAIT_MS, within } from '../../packages/test-support/wait.ts'

/** Runs the commands of a document as a reader types them into a terminal in a folder. */
export class Terminal {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #running: ChildProcess[] = []

  /** @param env in addition to the environment's own. */
  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#folder = folder
    const { NODE_TEST_CONTEXT: _, ...own } = process.env
    // `node` is the one that runs the test, as in npm's scripts.
    this.#env = { ...own, PATH: `${dirname(process.execPath)}:${own.PATH}`, ...env }
  }

  /** Runs commands to their end. @returns their stdout. @throws Error if one of them fails */
  run(commands: string): string {
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd: this.#folder,
      env: this.#env,
      encoding: 'utf8',
      timeout: WAIT_MS,
    })
    if (status !== 0) throw new Error(`${commands}ended with ${status}:\n${stdout}${stderr}`)
    return stdout
  }

  /** Leaves a command running once it has printed a text. @throws Error if it ends before */
  async start(command: string, text: string): Promise<void> {
    const child = spawn('bash', ['-c', `exec ${command}`], {
      cwd: this.#folder,
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.push(child)
    let output = ''
    const printed = new Promise<void>((resolve, reject) => {
      const collect = (chunk: Buffer): void => {
        output += chunk
        if (output.includes(text)) resolve()
      }
      child.stdout.on('data', collect)
      child.stderr.on('data', collect)
      child.once('close', (code) => reject(new Error(`${command} ended with ${code}:\n${output}`)))
    })
    await within(printed, `${command} to print ${text}`, () => output)
  }

  /** Ctrl-C in every terminal in which something runs. */
  async interrupt(): Promise<void> {
    for (const child of this.#running.splice(0)) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue
      const closed = once(child, 'close')
      process.kill(-child.pid, 'SIGINT')
      await closed
    }
  }
}

/** Writes a file of a document. */
export function writeDocumented(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/**
 * Changes a file as a document shows it: lines that stay, that are removed (`-`) and that are added (`+`).
 * @throws Error unless the old lines occur exactly once
 */
export function editDocumented(folder: string, path: string, diff: string): void {
  const lines = diff.trimEnd().split('\n')
  const without = (sign: string): string =>
    lines
      .filter((line) => !line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`)
      .join('')
  const text = readFileSync(join(folder, path), 'utf8')
  const [before, ...after] = text.split(without('+'))
  if (after.length !== 1) throw new Error(`${path}: the lines to change occur ${after.length} times`)
  writeFileSync(join(folder, path), before + without('-') + after[0])
}
