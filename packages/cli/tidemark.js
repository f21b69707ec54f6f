#!/usr/bin/env node
// The command `tidemark`. JavaScript, so that a Node which cannot read the sources says so.
import './node-version.js'

await import('./tidemark/main.ts')
