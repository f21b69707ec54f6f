import { mkdirSync, writeFileSync } from 'node:fs'
import { benchLargeLog, printLargeLog } from './large-log.ts'
import { INSTALL_HINT, rabbitMqInstalled } from './rabbitmq.ts'
import { benchRaw, printRaw } from './raw.ts'
import { benchSdk, printSdk } from './sdk.ts'

/**
 * `npm run bench:eventhubs -- [--short] [--without-rabbitmq]` measures the Event Hubs emulator, alone and
 * compared with RabbitMQ.
 */

const short = process.argv.includes('--short')
const rabbitWanted = !process.argv.includes('--without-rabbitmq')
const rabbit = rabbitWanted && rabbitMqInstalled()

const raw = await benchRaw({ seconds: short ? 2 : 15, rabbit })
const sdk = await benchSdk(short ? 2 : 10)
const largeLog = await benchLargeLog({ megabytes: short ? 200 : 2048, seconds: short ? 2 : 15 })

printRaw(raw)
if (rabbitWanted && !rabbit) {
  console.log(INSTALL_HINT)
  process.exitCode = 1
}
printSdk(sdk)
printLargeLog(largeLog)
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/eventhubs.json', `${JSON.stringify({ raw, sdk, largeLog }, null, 2)}\n`)
console.log('\nbench/results/eventhubs.json')
