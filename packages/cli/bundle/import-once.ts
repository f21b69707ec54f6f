import { loadApp } from 'tidemark-functions-host/app'
import { runCommand } from '../command-line/arguments.ts'

// Runs in its own process, like a cold start. Loads the app of a folder as the Functions host does, and
// prints how long that took, in milliseconds.
const [folder = ''] = process.argv.slice(2)
await runCommand(async () => {
  const began = performance.now()
  await loadApp(folder, undefined)
  console.log(performance.now() - began)
})
// Handles that the app opened may keep the process alive.
process.exit()
