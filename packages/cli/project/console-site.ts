import { fileURLToPath } from 'node:url'
import { isCheckout } from './project.ts'

/** The folder of the console: what `npm run build` makes of packages/console/. Packed, it is beside the commands. */
export const CONSOLE = fileURLToPath(new URL(isCheckout ? '../../../dist/console' : '../../console', import.meta.url))
