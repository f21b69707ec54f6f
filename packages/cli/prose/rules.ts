/** The longest sentence, in characters: about thirty words. */
export const MAX_SENTENCE = 200

/**
 * Private words, and the field's words for them (docs/glossary.md). Each is a regular expression and its
 * replacement, as `textlint-rule-terminology` takes them. Only words that are never right are listed.
 */
export const TERMS: readonly (readonly [wrong: string, right: string])[] = [
  ['made anew', 'recreated'],
  ['local endpoints?', 'emulator'],
  ['Cosmos DB endpoint (emulator)?', 'Cosmos DB emulator'],
  ['Event Hubs endpoint (emulator)?', 'Event Hubs emulator'],
  ['view of (one|single) streams?', 'single-stream view'],
  ['view of many streams', 'multi-stream view'],
  ['marks? of (applied )?events', 'applied markers'],
  ['tip of (a|the) stream', 'stream head'],
  ['replay of (a|the) view', 'rebuild of the view'],
  ['process managers? hears?', 'process manager receives'],
]
