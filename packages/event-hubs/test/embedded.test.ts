import { buildConnectionString, readPort, residentBytes, startEmulator, temporaryFolder } from './emulator.ts'
import { eventHubsSuite } from './suite.ts'
import { SUITE_HUBS } from './support.ts'

eventHubsSuite('the Event Hubs emulator', async () => {
  const folder = await temporaryFolder()
  let child = await startEmulator(folder.path, SUITE_HUBS)
  const again = async (): Promise<void> => {
    child = await startEmulator(folder.path, SUITE_HUBS, readPort(child))
  }
  return {
    connectionString: buildConnectionString(child),
    async kill() {
      child.kill('SIGKILL')
      await child.exited
      await again()
    },
    async restart() {
      await child.stop()
      await again()
    },
    ...(process.platform === 'linux' && { memory: () => residentBytes(child.pid) }),
    async stop() {
      await child.stop()
      await folder.remove()
    },
  }
})
