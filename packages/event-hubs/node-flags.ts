/**
 * Node flags of the emulator's process. Most of its memory lives for one event. Node's default, a young
 * generation of up to 48 MB, makes it no faster.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8']
