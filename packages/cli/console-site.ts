import { fileURLToPath } from 'node:url'

const IS_COMPILED = !import.meta.url.endsWith('.ts')

/** The folder of the console: what `npm run build` makes of packages/console/. Packed, it is beside the commands. */
export const CONSOLE = fileURLToPath(new URL(IS_COMPILED ? '../console' : '../../dist/console', import.meta.url))
