import { once } from 'node:events'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { CONFIG } from '../project/project.ts'
import { TOPOLOGY } from '../project/topology-file.ts'
import type { ServiceHosts, SourceOptions } from '../start/service-hosts.ts'

/** The folders with the sources of the services, from the root. */
const FOLDERS = ['functions', 'src']
/** Files that every host reads when it starts. */
const OF_ALL = ['host.json', 'local.settings.json']
/** Files that the command and the local cloud read when they start. */
const OF_START = [CONFIG, TOPOLOGY]
const SOURCES = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json']
const NOT_WATCHED = /(^|[\\/])(node_modules|dist|\.[^\\/.][^\\/]*)([\\/]|$)/
/** Wait this long for more changes: editors and tools save several files, each in several steps. */
const SETTLED_MS = 50

/** Watches the sources that the hosts run, and reloads a host when one of its sources is saved. */
export class ReloadOnSave implements SourceOptions {
  readonly #root = resolve('.')
  readonly #services: readonly string[]
  readonly #firstDebugPort: number | undefined
  readonly #loaded = new Map<string, Set<string>>()
  readonly #reloading = new Map<string, AbortController>()
  /** Services whose newest sources do not run. */
  readonly #failed = new Set<string>()
  readonly #watchers: readonly [sources: FSWatcher, others: FSWatcher]
  readonly #watching: Promise<unknown>
  #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #hosts: ServiceHosts | undefined

  /**
   * @param firstDebugPort the debug port of the first service; the others get the next ones. 0: any free
   * ports. undefined: no debugger.
   */
  constructor(services: readonly string[], firstDebugPort: number | undefined) {
    this.#services = services
    this.#firstDebugPort = firstDebugPort
    const options = { cwd: this.#root, ignoreInitial: true }
    const ignored = (path: string): boolean => NOT_WATCHED.test(relative(this.#root, path))
    this.#watchers = [watch(FOLDERS, { ...options, ignored }), watch([...OF_ALL, ...OF_START], options)]
    this.#watching = Promise.all(this.#watchers.map((watcher) => once(watcher, 'ready')))
    for (const watcher of this.#watchers) {
      watcher.on('all', (_, path) => this.#change(resolve(this.#root, path)))
      watcher.on('error', (error) => console.error(`some saves may be missed: ${(error as Error).message}`))
    }
  }

  /**
   * From now on a save reloads these hosts; an earlier save does too. Settles once the watchers are ready.
   */
  async begin(hosts: ServiceHosts): Promise<void> {
    const running = new Set(hosts.running.map(({ name }) => name))
    for (const service of this.#services) if (!running.has(service)) this.#failed.add(service)
    this.#hosts = hosts
    this.#reloadChanged()
    await this.#watching
  }

  async stop(): Promise<void> {
    this.#hosts = undefined
    clearTimeout(this.#timer)
    for (const reloading of this.#reloading.values()) reloading.abort()
    await Promise.all(this.#watchers.map((watcher) => watcher.close()))
  }

  readonly findDebugPort = (service: string): number | undefined =>
    this.#firstDebugPort && this.#firstDebugPort + this.#services.indexOf(service)

  readonly onSource = (service: string, file: string): void => {
    const files = this.#loaded.get(service) ?? new Set()
    this.#loaded.set(service, files.add(file))
    const folder = dirname(file)
    const isWatched = FOLDERS.some((each) => `${folder}${sep}`.startsWith(join(this.#root, each, sep)))
    // The framework's own sources, if it is not an installed package.
    if (!isWatched) this.#watchers[0].add(folder)
  }

  #change(path: string): void {
    if (!SOURCES.includes(extname(path))) return
    this.#changed.add(path)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#reloadChanged(), SETTLED_MS)
  }

  #reloadChanged(): void {
    const hosts = this.#hosts
    if (!hosts) return
    const changed = this.#changed
    this.#changed = new Set()
    const has = (names: readonly string[]): boolean => names.some((name) => changed.has(join(this.#root, name)))
    if (has(OF_START))
      console.log('the list of services or the topology has changed: end this with Ctrl-C and start it again')
    for (const service of this.#services) {
      const files = this.#loaded.get(service)
      const usesChanged = [...changed].some((path) => files?.has(path))
      if (usesChanged || has(OF_ALL) || this.#failed.has(service)) void this.#reload(hosts, service)
    }
  }

  async #reload(hosts: ServiceHosts, service: string): Promise<void> {
    const began = performance.now()
    this.#reloading.get(service)?.abort()
    const superseded = new AbortController()
    this.#reloading.set(service, superseded)
    const name = service.padEnd(12)
    try {
      await hosts.reload(service, superseded.signal, () => {
        this.#failed.delete(service)
        console.log(`${name} runs the saved code, after ${Math.round(performance.now() - began)} ms`)
      })
    } catch (error) {
      if (superseded.signal.aborted) return
      this.#failed.add(service)
      const isRunning = hosts.running.some((host) => host.name === service)
      const then = isRunning ? 'the previous code keeps running' : 'it waits for the next save'
      console.error(`${name} ${(error as Error).message}: ${then}`)
    }
  }
}
