import { fileURLToPath } from 'node:url'
import { isCheckout } from './project.ts'

/**
 * The built console. `npm run build` builds it from packages/console/; in the package it is beside the
 * commands.
 */
export const CONSOLE = fileURLToPath(new URL(isCheckout ? '../../../dist/console' : '../../console', import.meta.url))
