/**
 * Mechanisms offered (AMQP 1.0 part 5, 5.3). All but PLAIN let anyone in: what a connection may do is then
 * decided on `$cbs`.
 */
export const MECHANISMS = ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL']

/** Outcome codes of 5.3.3.6. */
export const SASL_OK = 0
export const SASL_AUTH = 1

/**
 * User and password of a PLAIN response (RFC 4616: authorization identity, NUL, user, NUL, password);
 * undefined when it is none.
 */
export function readPlain(response: Buffer): { readonly user: string; readonly password: string } | undefined {
  const [, user, password, more] = response.toString('utf8').split('\0')
  return user === undefined || password === undefined || more !== undefined ? undefined : { user, password }
}
