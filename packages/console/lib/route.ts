import { useEffect, useState } from 'preact/hooks'

/** The part of the address after `#/`. */
export interface Route {
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

function readRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const changed = (): void => setRoute(readRoute())
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}

/** An address of the console. Empty values of the query are left out. */
export function href(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1])
  const text = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return `#/${path.map(encodeURIComponent).join('/')}${text}`
}

export function streamHref(service: string, stream: string, version?: number): string {
  return href(['stream', service, stream], { version: version === undefined ? undefined : String(version) })
}

/** @param replace adds no history entry, for typing and scrubbing. */
export function go(to: string, replace = false): void {
  if (!replace) {
    location.hash = to
    return
  }
  history.replaceState(null, '', to)
  dispatchEvent(new HashChangeEvent('hashchange'))
}
