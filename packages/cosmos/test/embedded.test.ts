import { EMULATOR_KEY } from '../../test-support/cosmos.ts'
import { readPort, startEmulator, temporaryFolder } from './emulator.ts'
import { cosmosSuite } from './suite.ts'

cosmosSuite('the Cosmos DB emulator', async () => {
  const folder = await temporaryFolder()
  let child = await startEmulator(folder.path)
  const again = async (): Promise<void> => {
    child = await startEmulator(folder.path, readPort(child))
  }
  return {
    endpoint: child.address,
    key: EMULATOR_KEY,
    async kill() {
      child.kill('SIGKILL')
      await child.exited
      await again()
    },
    async restart() {
      await child.stop()
      await again()
    },
    async stop() {
      await child.stop()
      await folder.remove()
    },
  }
})
