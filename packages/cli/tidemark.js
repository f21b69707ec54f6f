#!/usr/bin/env node
// The command `tidemark`. It is JavaScript, so that a Node too old for the sources can say so.
import './node-version.js'

await import('./tidemark/main.ts')
