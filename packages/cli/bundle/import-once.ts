import { loadApp } from 'tidemark-functions-host/app'
import { runCommand } from '../command-line/arguments.ts'

// A process of its own, as at a cold start: loads the app of a folder as the Functions host does, and prints
// how long that took. Milliseconds.
const [folder = ''] = process.argv.slice(2)
await runCommand(async () => {
  const began = performance.now()
  await loadApp(folder, undefined)
  console.log(performance.now() - began)
})
// What the app has opened may hold the process.
process.exit()
