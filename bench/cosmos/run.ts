import { mkdirSync, writeFileSync } from 'node:fs'
import { benchFloor, printFloor } from './floor-bench.ts'
import { benchPartitionRange, printPartitionRange } from './partition-range.ts'
import { benchSdk, printSdk } from './sdk.ts'
import { benchStartup, printStartup } from './startup.ts'

/**
 * `npm run bench:cosmos -- [--short]` measures the Cosmos DB emulator, compared with a bare handler of the
 * same work, and through the SDK.
 */

const short = process.argv.includes('--short')

const startup = await benchStartup(short ? 2 : 9)
const floor = await benchFloor(short ? { seconds: 0.5, rounds: 1 } : { seconds: 2, rounds: 5 })
const sdk = await benchSdk(short ? 0.5 : 5)
const range = await benchPartitionRange(short ? 50 : 500, short ? 10_000 : 100_000)

printStartup(startup)
printFloor(floor)
printSdk(sdk)
printPartitionRange(range)
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/cosmos.json', `${JSON.stringify({ startup, floor, sdk, range }, null, 2)}\n`)
console.log('\nbench/results/cosmos.json')
