/**
 * The SASL mechanisms offered (AMQP 1.0 part 5, 5.3). All except PLAIN let anyone in; tokens sent to `$cbs`
 * then decide what a connection may do.
 */
export const MECHANISMS = ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL']

/** Outcome codes (AMQP 1.0 part 5, 5.3.3.6). */
export const SASL_OK = 0
export const SASL_AUTH = 1

/**
 * Reads user and password from a PLAIN response (RFC 4616: authorization identity, NUL, user, NUL, password).
 * @returns undefined if the response has another form.
 */
export function readPlain(response: Buffer): { readonly user: string; readonly password: string } | undefined {
  const [, user, password, more] = response.toString('utf8').split('\0')
  return user === undefined || password === undefined || more !== undefined ? undefined : { user, password }
}
