import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as z from 'zod'
import { isTidemarkError, TidemarkError } from './errors.ts'

/**
 * How a personal field is read once its subject is forgotten.
 * @example
 * ```ts
 * import { type PersonalOptions, personal } from 'tidemark'
 * import * as z from 'zod'
 *
 * const forgotten: PersonalOptions = { forgotten: 'forgotten' }
 * export const person = z.object({ name: personal(z.string(), forgotten), city: z.string() })
 * ```
 */
export interface PersonalOptions {
  /** The text that stands in the field's place. It must fit the field's schema. */
  readonly forgotten: string
}

/** The annotations of a personal field. They stand in its JSON Schema, so the gate compares them. */
const MARK = 'x-personal'
const FORGOTTEN = 'x-forgotten'

/**
 * Marks a text as personal. In the log, in messages and in views it is encrypted with a key of its subject
 * (`Decider.subject`). Deciders and reactions get the text. So do clients that query a view. When the subject
 * is forgotten, all of them get `forgotten` instead.
 *
 * Mark a field when its event version is made: a released version never changes. See docs/forgetting.md.
 * @throws RangeError if `forgotten` does not fit the schema.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { personal } from 'tidemark'
 * import * as z from 'zod'
 *
 * const name = personal(z.string().min(1).max(200), { forgotten: 'forgotten' })
 * const Registered = z.object({ reader: name, card: z.string() })
 * assert.deepEqual(Registered.parse({ reader: 'Anna', card: '7' }), { reader: 'Anna', card: '7' })
 * ```
 */
export function personal<Schema extends z.ZodType<string, string>>(schema: Schema, options: PersonalOptions): Schema {
  const { forgotten } = options
  if (!schema.safeParse(forgotten).success || schema.parse(forgotten) !== forgotten)
    throw new RangeError(`the text for a forgotten field, ${JSON.stringify(forgotten)}, does not fit its schema`)
  return schema.meta({ [MARK]: true, [FORGOTTEN]: forgotten })
}

/** A personal field of a schema. */
export interface PersonalField {
  /** The names that lead to it. `*` stands for every item of an array. */
  readonly path: readonly string[]
  readonly forgotten: string
}

/** Stands for every item of an array in a path. */
const EVERY = '*'

const known = new WeakMap<StandardSchemaV1, readonly PersonalField[]>()

/**
 * The personal fields of a schema; none for schemas that are not Zod's.
 * @throws RangeError if a mark is where a field cannot be found: within a union, a record, a tuple or a pipe.
 */
export function listPersonalFields(schema: StandardSchemaV1): readonly PersonalField[] {
  const fields = known.get(schema) ?? (isZod(schema) ? [...findFields(schema, [], [])] : [])
  known.set(schema, fields)
  return fields
}

type ZodSchema = z.core.$ZodType

function isZod(value: unknown): value is ZodSchema {
  return typeof value === 'object' && value !== null && '_zod' in value
}

function readMark(schema: ZodSchema): string | undefined {
  const meta = z.globalRegistry.get(schema) as Readonly<Record<string, unknown>> | undefined
  return meta?.[MARK] === true ? String(meta[FORGOTTEN]) : undefined
}

/** The kinds of schema that hold one other schema for the same place. */
const WRAPPERS: ReadonlySet<string> = new Set(['optional', 'nullable', 'readonly', 'nonoptional'])

/** @param around the schemas that this one is in. */
function* findFields(
  schema: ZodSchema,
  path: readonly string[],
  around: readonly ZodSchema[],
): Iterable<PersonalField> {
  const forgotten = readMark(schema)
  if (forgotten !== undefined) return yield { path, forgotten }
  const { def } = schema._zod
  const within = [...around, schema]
  // A schema that contains itself has no end of paths.
  const isRecursive = around.includes(schema)
  if (isRecursive && !holdsMark(def, new Set())) return
  if (!isRecursive && WRAPPERS.has(def.type)) return yield* findFields(readSchema(def, 'innerType'), path, within)
  if (!isRecursive && def.type === 'array')
    return yield* findFields(readSchema(def, 'element'), [...path, EVERY], within)
  if (!isRecursive && def.type === 'object')
    for (const [name, field] of Object.entries((def as z.core.$ZodObjectDef).shape))
      yield* findFields(field, [...path, name], within)
  else if (holdsMark(def, new Set()))
    throw new RangeError(`a personal field within a schema of kind ${def.type} cannot be found: /${path.join('/')}`)
}

function readSchema(def: object, name: 'innerType' | 'element'): ZodSchema {
  return (def as Record<typeof name, ZodSchema>)[name]
}

/** Whether any schema within a definition is marked. */
function holdsMark(value: unknown, seen: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  if (!isZod(value)) return Object.values(value).some((each) => holdsMark(each, seen))
  return readMark(value) !== undefined || holdsMark(value._zod.def, seen)
}

/**
 * Returns the data with other texts in its personal fields. Fields that are absent stay absent.
 * @param change gets the text, and the field's place as a JSON Pointer.
 */
export function mapPersonal(
  data: unknown,
  fields: readonly PersonalField[],
  change: (text: string, field: PersonalField, pointer: string) => string,
): unknown {
  return fields.reduce((changed, field) => mapAt(changed, field.path, '', (text, at) => change(text, field, at)), data)
}

function mapAt(
  value: unknown,
  [name, ...rest]: readonly string[],
  pointer: string,
  change: (text: string, pointer: string) => string,
): unknown {
  if (name === undefined) return typeof value === 'string' ? change(value, pointer) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return name === EVERY ? value.map((item, index) => mapAt(item, rest, `${pointer}/${index}`, change)) : value
  const { [name]: field } = value as Record<string, unknown>
  return field === undefined ? value : { ...value, [name]: mapAt(field, rest, `${pointer}/${name}`, change) }
}

/** A key of one subject: AES-256. */
export interface PersonalKey {
  /** `<subject id>.<generation>` */
  readonly id: string
  /** 32 bytes. */
  readonly bytes: Uint8Array
}

/**
 * The id of a subject: 128 bits of its SHA-256, in hex. It is the id of its item in the container `keys`. It
 * hides nothing that can be guessed, so name subjects by ids, not by names or addresses.
 */
export function subjectId(subject: string): string {
  return hash('sha256', subject).slice(0, 32)
}

/** The id of a subject's key of one generation. */
export function formatKeyId(subject: string, generation: number): string {
  return `${subject}.${generation}`
}

/** Reads the id of a key. @throws TidemarkError `personal-unreadable` */
export function parseKeyId(id: string): { readonly subject: string; readonly generation: number } {
  const [, subject = '', generation] = /^([0-9a-f]{32})\.([1-9][0-9]{0,8})$/.exec(id) ?? []
  if (generation === undefined) throw new TidemarkError('personal-unreadable', `${id} is not the id of a key`)
  return { subject, generation: Number(generation) }
}

/** What a sealed text contains, besides the text. */
export interface SealedParts {
  /** The service whose key it is. */
  readonly service: string
  readonly keyId: string
  /** The text in its place once the key is destroyed. */
  readonly forgotten: string
}

/** The start of every sealed text. No other text of an event or a command may contain it. */
export const SEALED = '~personal:'

/** `~personal:1:<service>:<key id>:<nonce, cipher text and tag>:<text for a forgotten field>~` */
const sealedPattern = /~personal:1:([a-z0-9-]+):([0-9a-f.]+):([\w-]+):([\w-]*)~/g

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key as the crypto module wants it. */
interface PreparedKey {
  readonly text: KeyObject
  /** Derives nonces. */
  readonly nonce: KeyObject
}

const prepared = new WeakMap<Uint8Array, PreparedKey>()

/** Prepares a key once: from its bytes, each call of the crypto module takes five times as long. */
function prepareKey(bytes: Uint8Array): PreparedKey {
  const known = prepared.get(bytes)
  if (known) return known
  const text = createSecretKey(bytes)
  const nonce = createSecretKey(createHmac('sha256', text).update('tidemark nonce 1').digest())
  prepared.set(bytes, { text, nonce })
  return { text, nonce }
}

/**
 * Encrypts a text with AES-256-GCM. The nonce derives from key, place and text. So the same text at the same
 * place gives the same result, and no nonce serves two texts.
 * @param place the stream position and the field's pointer.
 */
export function sealText(text: string, place: string, key: PersonalKey, parts: Omit<SealedParts, 'keyId'>): string {
  const keys = prepareKey(key.bytes)
  const nonce = createHmac('sha256', keys.nonce)
    .update(JSON.stringify([place, text]))
    .digest()
    .subarray(0, NONCE_BYTES)
  const head = formatHead(parts.service, key.id)
  const forgotten = Buffer.from(parts.forgotten, 'utf8').toString('base64url')
  const cipher = createCipheriv('aes-256-gcm', keys.text, nonce).setAAD(Buffer.from(`${head}:${forgotten}`))
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `${head}:${sealed.toString('base64url')}:${forgotten}~`
}

function formatHead(service: string, keyId: string): string {
  return `${SEALED}1:${service}:${keyId}`
}

/** Lists the sealed texts within a text. */
export function listSealed(text: string): readonly SealedParts[] {
  if (!text.includes(SEALED)) return []
  return [...text.matchAll(sealedPattern)].map(([, service = '', keyId = '', , forgotten = '']) => ({
    service,
    keyId,
    forgotten: decode(forgotten),
  }))
}

/** Finds a key: undefined if it was destroyed, or if this service may not use it. */
export type FindKey = (sealed: Pick<SealedParts, 'service' | 'keyId'>) => Uint8Array | undefined

/**
 * Returns a text with the sealed texts in it opened. Without a key, a sealed text becomes the one for a
 * forgotten field.
 * @throws TidemarkError `personal-unreadable` if a sealed text was changed.
 */
export function openText(text: string, findKey: FindKey): string {
  if (!text.includes(SEALED)) return text
  return text.replace(sealedPattern, (...groups: readonly string[]) => {
    const [, service = '', keyId = '', sealed = '', forgotten = ''] = groups
    const key = findKey({ service, keyId })
    if (key === undefined) return decode(forgotten)
    const bytes = Buffer.from(sealed, 'base64url')
    try {
      const cipher = createDecipheriv('aes-256-gcm', prepareKey(key).text, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      cipher.setAAD(Buffer.from(`${formatHead(service, keyId)}:${forgotten}`))
      cipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      return Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]).toString('utf8')
    } catch (cause) {
      throw new TidemarkError('personal-unreadable', `a personal text with the key ${keyId} was changed`, { cause })
    }
  })
}

function decode(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8')
}

/** Whether a JSON value has a sealed text anywhere. */
export function hasSealed(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(SEALED)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasSealed)
}

/**
 * Replaces all texts within a JSON value, and returns the value itself if none changes. The names of fields
 * stay.
 */
export function mapTexts<Value>(value: Value, change: (text: string) => string): Value
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const changed = entries.map(([name, each]) => [name, mapTexts(each, change)] as const)
  if (changed.every(([, each], index) => each === entries[index]?.[1])) return value
  return Array.isArray(value) ? changed.map(([, each]) => each) : Object.fromEntries(changed)
}

/** Replaces sealed texts with those for forgotten fields. */
export function maskText(text: string): string {
  return openText(text, () => undefined)
}

/** Returns a value with the sealed texts that another has at the same places. */
export function restoreTexts(value: unknown, sealed: unknown): unknown {
  if (typeof sealed === 'string') return sealed.includes(SEALED) ? sealed : value
  if (typeof value !== 'object' || value === null || typeof sealed !== 'object' || sealed === null) return value
  const restored = Object.entries(value).map(
    ([name, each]) => [name, restoreTexts(each, (sealed as Record<string, unknown>)[name])] as const,
  )
  return Array.isArray(value) ? restored.map(([, each]) => each) : Object.fromEntries(restored)
}

/** The texts in an opened value that are sealed in the other, where it is opened. */
export function listOpened(opened: unknown, sealed: unknown): readonly string[] {
  if (typeof opened === 'string') return opened === sealed ? [] : [opened]
  if (typeof opened !== 'object' || opened === null || opened === sealed) return []
  return Object.entries(opened).flatMap(([name, each]) =>
    listOpened(each, (sealed as Record<string, unknown> | null)?.[name]),
  )
}

/** A framework's error without these texts: its message is logged, and stored with what is parked. */
export function redactError(error: unknown, texts: readonly string[]): unknown {
  // A single character names nobody, and would be in most messages.
  const told = texts.filter((text) => text.length > 1 && mentions(error, text))
  if (!isTidemarkError(error) || told.length === 0) return error
  const message = told.reduce((redacted, text) => redacted.replaceAll(text, '[personal]'), error.message)
  return new TidemarkError(error.code, message)
}

function mentions(error: unknown, text: string): boolean {
  return error instanceof Error && (error.message.includes(text) || mentions(error.cause, text))
}

/**
 * What code threw that had personal texts: the kind of error and its place. Its message and causes are left out,
 * because they may hold such a text in any form. An error of Tidemark keeps its code.
 * @param thrower names the code.
 */
export function withoutMessage(error: unknown, thrower: string): Error {
  const frames = listFrames(error)
  const kind = error instanceof Error ? error.constructor.name : `a ${typeof error}`
  const where = frames[0]?.trim() ?? 'at an unknown place'
  const message = `${thrower} threw ${kind} ${where}: its message is left out, because it may hold personal texts`
  const kept = isTidemarkError(error) ? new TidemarkError(error.code, message) : new Error(message)
  kept.stack = [`${kept.name}: ${message}`, ...frames].join('\n')
  return kept
}

/** The calls that led to an error. The lines before them are its message. */
function listFrames(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const lines = (error.stack ?? '').replace(error.message, '').split('\n')
  return lines.filter((line) => /^ {4}at .+:[0-9]+:[0-9]+\)?$/.test(line))
}
