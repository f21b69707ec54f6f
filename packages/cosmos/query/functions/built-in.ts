import type { Work } from '../evaluation/frame.ts'

/** A function of the query language. Operands of other types than it takes make its result undefined. */
export interface BuiltIn {
  /** How many operands it takes. */
  readonly least: number
  readonly most: number
  readonly call: (operands: readonly unknown[], work: Work) => unknown
}

export const MANY = 8000

export const builtIn = (least: number, most: number, call: BuiltIn['call']): BuiltIn => ({ least, most, call })

export const isText = (value: unknown): value is string => typeof value === 'string'
export const isNumber = (value: unknown): value is number => typeof value === 'number'
export const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value)
