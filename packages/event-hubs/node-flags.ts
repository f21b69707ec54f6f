/**
 * How the endpoint's process is started: most of what it allocates lives for one event, and Node's own
 * choice, a young generation of up to 48 MB, makes it no faster.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8']
