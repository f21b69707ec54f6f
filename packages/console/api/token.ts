const KEY = 'tidemark.token'

/**
 * Takes the token from the address that `npm start` printed, and keeps it as long as this tab is there. The
 * address loses it, so that it is in no bookmark and no screenshot. @returns whether there was one.
 */
export function takeToken(): boolean {
  const [, token] = /^#token=([\w-]+)$/.exec(location.hash) ?? []
  if (token === undefined) return false
  sessionStorage.setItem(KEY, token)
  history.replaceState(null, '', '#/')
  return true
}

/** Of a request to the address that the page came from. Nobody else is shown the token. */
export function tokenHeaders(url: string): Readonly<Record<string, string>> {
  const token = sessionStorage.getItem(KEY)
  if (token === null || new URL(url, location.href).origin !== location.origin) return {}
  return { authorization: `Bearer ${token}` }
}
