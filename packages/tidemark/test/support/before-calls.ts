/**
 * Wraps a port so that `happens` runs before each call of a method that returns a promise. Objects that the
 * methods return (stores, readers) are wrapped in the same way.
 */
export function before<Port extends object>(port: Port, happens: (method: string) => Promise<void>): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        if (!answersLater.has(String(name))) {
          const handedOut: unknown = member.apply(target, args)
          return handsOut.has(String(name)) ? before(handedOut as object, happens) : handedOut
        }
        return happens(String(name)).then(() => member.apply(target, args))
      }
    },
  })
}

const handsOut: ReadonlySet<string> = new Set(['store', 'open'])
const answersLater: ReadonlySet<string> = new Set([
  'next',
  'count',
  'read',
  'readMarkers',
  'readCursor',
  'writeDocument',
  'writeWithMarkers',
  'writeCursor',
  'readPointer',
  'writePointer',
  'readCodes',
  'writeCodes',
  'sweep',
  'wait',
])
