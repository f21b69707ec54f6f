// Codec modules of rhea 3.0.5 that its typings lack: only the parts used here.

declare module 'rhea/lib/frames.js' {
  interface Frame {
    readonly channel: number
    readonly performative?: unknown
  }
  const frames: {
    read_frame(bytes: Buffer): Frame
    write_frame(frame: unknown): Buffer
    amqp_frame(channel: number, performative: unknown): unknown
    sasl_frame(performative: unknown): unknown
  } & Readonly<Record<string, (fields: Readonly<Record<string, unknown>>) => unknown>>
  export = frames
}

declare module 'rhea/lib/terminus.js' {
  const terminus: {
    unwrap(field: unknown): unknown
    source(fields: Readonly<Record<string, unknown>>): { described(): unknown }
    target(fields: Readonly<Record<string, unknown>>): { described(): unknown }
  }
  export = terminus
}

declare module 'rhea/lib/message.js' {
  const message: {
    rejected(fields: Readonly<Record<string, unknown>>): { described(): unknown }
  }
  export = message
}
