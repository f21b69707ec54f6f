import { mkdirSync, writeFileSync } from 'node:fs'
import { benchFloor, printFloor } from './floor-bench.ts'

/** `npm run bench:cosmos -- [--short]`: the embedded Cosmos DB endpoint beside a bare handler that does the same work. */

const short = process.argv.includes('--short')
const floor = await benchFloor(short ? { seconds: 0.5, rounds: 1 } : { seconds: 2, rounds: 3 })
printFloor(floor)
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/cosmos.json', `${JSON.stringify({ floor }, null, 2)}\n`)
console.log('\nbench/results/cosmos.json')
