import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, freePort } from '../../test-support/ports.ts'
import { until } from '../../test-support/wait.ts'

const MAIN = new URL('../../../node_modules/azurite/dist/src/blob/main.js', import.meta.url)

/** A blob service for checkpoints. */
export interface Azurite {
  readonly connectionString: string
  stop(): Promise<void>
}

export async function startAzurite(): Promise<Azurite> {
  const port = await freePort()
  const location = await mkdtemp(join(tmpdir(), 'tidemark-azurite-'))
  const args = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', location]
  const child = fork(MAIN, [...args, '--skipApiVersionCheck', '--silent', '--loose'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
    await rm(location, { recursive: true, force: true })
  }
  await until('Azurite', () => {
    if (child.exitCode !== null) throw new Error(`Azurite ended with ${child.exitCode}`)
    return answers(port)
  })
  const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
  const endpoint = `http://127.0.0.1:${port}/devstoreaccount1`
  return {
    connectionString:
      `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${key};` + `BlobEndpoint=${endpoint};`,
    stop,
  }
}
