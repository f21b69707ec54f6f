/** Resource ids as the SDKs read them: base64 with `-` for `/`, the parent's bytes first. */

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('/', '-')
}

function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function databaseRid(database: number): string {
  return encode(encodeUint32(database))
}

/** A collection's own four bytes have the highest bit set. */
export function containerRid(database: number, container: number): string {
  const own = encodeUint32(container)
  own[0] = (own[0] ?? 0) | 0x80
  return encode(Buffer.concat([encodeUint32(database), own]))
}

/** 3 bytes, as in the service. */
export function offerRid(offer: number): string {
  return encode(encodeUint32(offer).subarray(1))
}

/** An item's number, from its rid; undefined for anything but a rid of this container's items. */
export function parseDocumentNumber(container: string, rid: string): number | undefined {
  const bytes = Buffer.from(rid.replaceAll('-', '/'), 'base64')
  if (bytes.length !== 16) return undefined
  const document = bytes.readUInt32LE(8) + (bytes.readUInt32LE(12) & 0x0fffffff) * 2 ** 32
  return documentRid(container, document) === rid ? document : undefined
}

/** The bytes of the last container, as successive rids mostly have the same one. */
const last = { container: '', bytes: Buffer.alloc(16) }

export function documentRid(container: string, document: number): string {
  const { bytes } = last
  if (container !== last.container) {
    bytes.write(container.replaceAll('-', '/'), 0, 'base64')
    last.container = container
  }
  bytes.writeUInt32LE(document >>> 0, 8)
  bytes.writeUInt32LE(Math.floor(document / 2 ** 32) & 0x0fffffff, 12)
  return encode(bytes)
}
