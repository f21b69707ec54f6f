import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const SETTING = 'TIDEMARK_TEST_CHROMIUM'

/**
 * Starts a headless Chromium: that of TIDEMARK_TEST_CHROMIUM, one on PATH, or Debian's, which is installed if
 * permitted.
 * @throws Error with a one-line remedy if there is none.
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = browserPath()
  // Chromium's sandbox refuses to run as root, which containers do.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await chromium.launch({ executablePath, args })
}

function browserPath(): string {
  const { [SETTING]: set } = process.env
  if (set !== undefined) {
    if (!existsSync(set)) throw new Error(`${SETTING} names ${set}, but that file does not exist`)
    return set
  }
  const found = onPath() ?? installed()
  if (found) return found
  throw new Error(`no Chromium: install one (Debian: apt-get install chromium), or set ${SETTING} to its path`)
}

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':')
  return NAMES.flatMap((name) => folders.map((folder) => `${folder}/${name}`)).find(existsSync)
}

function installed(): string | undefined {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return undefined
  console.log('no Chromium found: apt-get installs it')
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] }
  try {
    execFileSync('apt-get', ['update', '-qq'], quiet)
    const options = ['-y', '-qq', '--no-install-recommends']
    execFileSync('apt-get', ['install', ...options, 'chromium', 'fonts-dejavu-core'], {
      ...quiet,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch (error) {
    console.error(`Chromium could not be installed: ${(error as Error).message}`)
  }
  return onPath()
}
