import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { readSite } from '../../packages/local-cloud/front/site.ts'
import { type Front, startFront } from '../../packages/local-cloud/front.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'
import { startBrowser } from './browser.ts'
import { System } from './system.ts'

const CONSOLE = fileURLToPath(new URL('../../dist/console', import.meta.url))
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** WCAG 2.2 AA, and axe's best practices. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

export type Theme = 'light' | 'dark'

/** The console in a browser, in front of a running system. */
export class ConsoleHarness {
  readonly system: System
  readonly front: Front
  readonly #browser: Browser
  #page: Page | undefined
  /** Errors that the pages logged or did not catch. */
  readonly complaints: string[] = []

  private constructor(system: System, front: Front, browser: Browser) {
    this.system = system
    this.front = front
    this.#browser = browser
  }

  /** @param startHosts starts the hosts on the system, and sets the address of each service. */
  static async start(
    services: readonly string[],
    startHosts: (system: System, front: Front) => Promise<void>,
  ): Promise<ConsoleHarness> {
    const [system, browser] = await Promise.all([System.cloudAlone(), startBrowser()])
    const front = await startFront({ port: 0, apps: services, site: readSite(CONSOLE) })
    await startHosts(system, front)
    return new ConsoleHarness(system, front, browser)
  }

  /** Opens a page as for a first visit. */
  async open(hash: string, options: { readonly theme?: Theme; readonly width?: number } = {}): Promise<Page> {
    this.#page ??= await this.#newPage()
    await this.show(this.#page, options)
    await this.#page.goto(`${this.front.address}/#/${hash}`)
    return this.#page
  }

  /** @param options light colours and a wide screen by default. */
  async show(page: Page, options: { readonly theme?: Theme; readonly width?: number } = {}): Promise<void> {
    const { theme = 'light', width = 1280 } = options
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 900 })
  }

  async #newPage(): Promise<Page> {
    const page = await (await this.#browser.newContext()).newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.stack ?? error.message}`))
    page.on('request', (request) => {
      if (!request.url().startsWith(this.front.address)) this.complaints.push(`asks ${request.url()}`)
    })
    return page
  }

  /**
   * Ends the page's activity and clears its storage. The browser's cache stays, since a new page for each
   * test costs twice as much.
   */
  async leave(): Promise<void> {
    await this.#page?.evaluate('localStorage.clear()')
    await this.#page?.goto('about:blank')
  }

  /** Closes the page, and with it its cache. */
  async closePage(): Promise<void> {
    await this.#page?.context().close()
    this.#page = undefined
  }

  /** Browsers log every status above 399 as an error. This removes the expected ones from the complaints. */
  forgive(status: number): void {
    const others = this.complaints.filter((complaint) => !complaint.includes(`a status of ${status} `))
    this.complaints.splice(0, Infinity, ...others)
  }

  /** Each violated rule, and where. */
  async findBarriers(page: Page): Promise<readonly string[]> {
    // Its source is evaluated and not inserted into the page, which the console's policy would refuse.
    await page.evaluate(AXE)
    const options = JSON.stringify({
      runOnly: { type: 'tag', values: TAGS },
      resultTypes: ['violations'],
    })
    const { violations } = (await page.evaluate(`axe.run(document, ${options})`)) as {
      violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[]
    }
    return violations.map(({ id, help, nodes }) =>
      [page.url(), id, help, ...nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`)].join('\n  '),
    )
  }

  async stop(): Promise<void> {
    await this.closePage()
    await this.#browser.close()
    await this.front.stop()
    await this.system.remove()
  }
}
