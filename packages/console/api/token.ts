const KEY = 'tidemark.token'

/**
 * Takes the token from the address that `npm start` printed, and stores it as long as this tab is open.
 * Removes it from the address, so that it is in no bookmark and no screenshot. @returns whether there was
 * one.
 */
export function takeToken(): boolean {
  const [, token] = /^#token=([\w-]+)$/.exec(location.hash) ?? []
  if (token === undefined) return false
  sessionStorage.setItem(KEY, token)
  history.replaceState(null, '', '#/')
  return true
}

/** The headers of a request. Only the address that the page came from gets the token. */
export function tokenHeaders(url: string): Readonly<Record<string, string>> {
  const token = sessionStorage.getItem(KEY)
  if (token === null || new URL(url, location.href).origin !== location.origin) return {}
  return { authorization: `Bearer ${token}` }
}
