/** Reads the position of an event, such as `order-1@2`; undefined for any other text. */
export function parsePosition(text: string): { readonly stream: string; readonly version: number } | undefined {
  const [, stream, version] = /^([^@]+)@([1-9]\d{0,14})$/.exec(text) ?? []
  return stream === undefined ? undefined : { stream, version: Number(version) }
}
