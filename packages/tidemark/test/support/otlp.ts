import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/**
 * The fields that are read of a span.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
 */
export interface ReceivedSpan {
  readonly service: string
  readonly name: string
  readonly kind: string
  readonly traceId: string
  readonly spanId: string
  /** Empty without a parent. */
  readonly parentId: string
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly isError: boolean
  /** Milliseconds. */
  readonly began: number
  readonly ended: number
}

/** The fields that are read of a metric's point. The `value` of a histogram is its count. */
export interface ReceivedPoint {
  readonly service: string
  readonly name: string
  readonly unit: string
  readonly kind: 'gauge' | 'sum' | 'histogram'
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: number
}

/** A backend that receives OTLP over HTTP in protobuf. Its parser shares no code with the sender. */
export class OtlpReceiver {
  readonly #server = createServer((request, response) => void this.#take(request, response))
  readonly spans: ReceivedSpan[] = []
  /** The last point of each metric, service and set of attributes. */
  readonly points = new Map<string, ReceivedPoint>()
  readonly headers: IncomingMessage['headers'][] = []
  /** The HTTP status of its answers. */
  status = 200
  #port = 0

  static async start(port = 0): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(port, '127.0.0.1', resolve))
    receiver.#port = (receiver.#server.address() as AddressInfo).port
    return receiver
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** The spans of a trace. */
  trace(traceId: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId)
  }

  /** The points of a metric. */
  metric(name: string): readonly ReceivedPoint[] {
    return [...this.points.values()].filter((point) => point.name === name)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    this.headers.push(request.headers)
    if (this.status === 200) {
      const body = Buffer.concat(chunks)
      const message = parseFields(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      if (request.url === '/v1/traces') this.spans.push(...parseSpans(message))
      else for (const point of parsePoints(message)) this.points.set(formatKey(point), point)
    }
    response.writeHead(this.status, { 'content-type': 'application/x-protobuf' }).end()
  }
}

function formatKey({ name, service, attributes }: ReceivedPoint): string {
  return JSON.stringify([name, service, attributes])
}

/**
 * The fields of a message by number, each with all its values.
 * https://protobuf.dev/programming-guides/encoding/
 */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>

function parseFields(bytes: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at)
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('a field extends beyond its message')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const type = tag & 7
    if (type !== 0 && type !== 1 && type !== 2 && type !== 5) throw new Error(`there is no wire type ${type}`)
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()))
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

const messages = (fields: Fields, number: number): readonly Fields[] =>
  (fields.get(number) ?? []).map((value) => parseFields(value as Buffer))
const bytesAt = (fields: Fields, number: number): Buffer => (fields.get(number)?.at(-1) ?? Buffer.alloc(0)) as Buffer
const text = (fields: Fields, number: number): string => bytesAt(fields, number).toString()
const hex = (fields: Fields, number: number): string => bytesAt(fields, number).toString('hex')
const integer = (fields: Fields, number: number): number => Number(fields.get(number)?.at(-1) ?? 0n)
const nanoseconds = (fields: Fields, number: number): number =>
  Number(bytesAt(fields, number).readBigUInt64LE() / 1000n) / 1000

function parseAttributes(fields: Fields, number: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    messages(fields, number).map((attribute) => {
      const [value] = messages(attribute, 2)
      if (value?.has(1)) return [text(attribute, 1), text(value, 1)]
      if (value?.has(3)) return [text(attribute, 1), integer(value, 3)]
      return [text(attribute, 1), value?.has(4) ? bytesAt(value, 4).readDoubleLE() : undefined]
    }),
  )
}

function readService(resourcePart: Fields): string {
  const [resource] = messages(resourcePart, 1)
  return String(resource && parseAttributes(resource, 1)['service.name'])
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']

function parseSpans(request: Fields): readonly ReceivedSpan[] {
  return messages(request, 1).flatMap((part) =>
    messages(part, 2)
      .flatMap((scope) => messages(scope, 2))
      .map((span) => ({
        service: readService(part),
        name: text(span, 5),
        kind: KINDS[integer(span, 6)] ?? '',
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentId: hex(span, 4),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        attributes: parseAttributes(span, 9),
        isError: messages(span, 15).some((status) => integer(status, 3) === 2),
        began: nanoseconds(span, 7),
        ended: nanoseconds(span, 8),
      })),
  )
}

/**
 * Field numbers of metrics.proto: the points of a metric, the attributes of a point, and how its value is read.
 */
const POINTS = [
  ['gauge', 5, 7],
  ['sum', 7, 7],
  ['histogram', 9, 9],
] as const

function parsePoints(request: Fields): readonly ReceivedPoint[] {
  return messages(request, 1).flatMap((part) =>
    messages(part, 2)
      .flatMap((scope) => messages(scope, 2))
      .flatMap((metric) =>
        POINTS.flatMap(([kind, number, attributes]) =>
          messages(metric, number)
            .flatMap((data) => messages(data, 1))
            .map((point) => ({
              service: readService(part),
              name: text(metric, 1),
              unit: text(metric, 3),
              kind,
              attributes: parseAttributes(point, attributes),
              value: readNumber(kind, point),
            })),
        ),
      ),
  )
}

function readNumber(kind: ReceivedPoint['kind'], point: Fields): number {
  if (kind === 'histogram') return Number(bytesAt(point, 4).readBigUInt64LE())
  return point.has(4) ? bytesAt(point, 4).readDoubleLE() : Number(bytesAt(point, 6).readBigInt64LE())
}
