import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../kit/errors.ts'
import type { Settings } from './settings.ts'

type Json = Readonly<Record<string, unknown>>

/** A value, and its name for error messages. */
interface Found {
  readonly value: unknown
  readonly name: string
}

/**
 * host.json, with the settings that override its values, such as
 * `AzureFunctionsJobHost__extensions__http__routePrefix`. Comparison of names ignores case.
 * https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values
 */
export class HostConfiguration {
  readonly #file: string
  readonly #json: Json
  readonly #settings: ReadonlyMap<string, readonly [name: string, text: string]>

  private constructor(file: string, json: Json, settings: Settings) {
    this.#file = file
    this.#json = json
    this.#settings = new Map(
      Object.entries(settings).flatMap(([name, text]) =>
        text !== undefined && /^AzureFunctionsJobHost__/i.test(name) ? [[name.toLowerCase(), [name, text]]] : [],
      ),
    )
  }

  /** @throws StartError if the file cannot be read. */
  static async read(root: string, settings: Settings): Promise<HostConfiguration> {
    const file = join(root, 'host.json')
    let json: unknown
    try {
      json = JSON.parse(await readFile(file, 'utf8'))
    } catch (error) {
      throw new StartError(`${file} cannot be read: ${(error as Error).message}`)
    }
    if (!isObject(json)) throw new StartError(`${file} must hold an object`)
    return new HostConfiguration(file, json, settings)
  }

  /** Reads a text. @throws StartError if the value is not a text. */
  text(path: readonly string[], otherwise: string): string {
    const { value, name } = this.#find(path) ?? { value: otherwise, name: '' }
    if (typeof value !== 'string') throw new StartError(`${name} must be a string`)
    return value
  }

  /** Reads a whole number of at least 1. @throws StartError */
  count(path: readonly string[], otherwise: number): number {
    const { value, name } = this.#find(path) ?? { value: otherwise, name: '' }
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1)
      throw new StartError(`${name} must be a whole number from 1 on`)
    return number
  }

  /** Reads a time span such as `00:00:30`, in milliseconds. @throws StartError */
  milliseconds(path: readonly string[], otherwise: number): number {
    const found = this.#find(path)
    if (!found) return otherwise
    const span = /^(?:(\d+)\.)?(\d?\d):(\d\d)(?::(\d\d)(\.\d{1,7})?)?$/.exec(String(found.value))
    const [days = 0, hours = 0, minutes = 0, seconds = 0, fraction = 0] =
      span?.slice(1).map((part) => Number(part ?? 0)) ?? []
    const milliseconds = (((days * 24 + hours) * 60 + minutes) * 60 + seconds + fraction) * 1000
    if (!span || hours > 23 || minutes > 59 || seconds > 59 || milliseconds < 1)
      throw new StartError(`${found.name} must be a time span above zero, such as 00:00:30`)
    return milliseconds
  }

  /**
   * Reads the texts of a section, by name. Settings override the file. Nested sections are left out.
   */
  texts(path: readonly string[]): ReadonlyMap<string, string> {
    const prefix = `${['AzureFunctionsJobHost', ...path].join('__').toLowerCase()}__`
    const { value } = this.#find(path) ?? { value: {} }
    const texts = new Map<string, string>()
    for (const [name, text] of isObject(value) ? Object.entries(value) : [])
      if (typeof text === 'string') texts.set(name, text)
    for (const [key, [name, text]] of this.#settings)
      if (key.startsWith(prefix)) texts.set(name.slice(prefix.length), text)
    return texts
  }

  /** Returns the name of a value, for an error message. */
  findName(path: readonly string[]): string {
    return this.#find(path)?.name ?? `${this.#file}: ${path.at(-1)}`
  }

  #find(path: readonly string[]): Found | undefined {
    const setting = this.#settings.get(['AzureFunctionsJobHost', ...path].join('__').toLowerCase())
    if (setting) return { name: setting[0], value: setting[1] }
    let section: unknown = this.#json
    for (const [index, part] of path.entries()) {
      if (!isObject(section)) throw new StartError(`${this.#file}: ${path[index - 1]} must be an object`)
      section = Object.entries(section).find(([name]) => name.toLowerCase() === part.toLowerCase())?.[1]
      if (section === undefined || section === null) return undefined
    }
    return { name: `${this.#file}: ${path.at(-1)}`, value: section }
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
