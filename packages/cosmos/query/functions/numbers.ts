import { finite } from '../evaluation/operators.ts'
import { type BuiltIn, builtIn, isNumber } from './built-in.ts'
import { isInteger } from './types.ts'

const numeric = (least: number, most: number, calculate: (...numbers: number[]) => number | undefined): BuiltIn =>
  builtIn(least, most, (operands) => (operands.every(isNumber) ? finite(calculate(...operands)) : undefined))

const one = (calculate: (number: number) => number | undefined): BuiltIn =>
  numeric(1, 1, (number = 0) => calculate(number))
const binary = (calculate: (first: number, second: number) => number | undefined): BuiltIn =>
  numeric(2, 2, (first = 0, second = 0) => calculate(first, second))

/** Integers of 64 bits: results wrap around. */
const integral = (calculate: (first: bigint, second: bigint) => bigint | undefined): BuiltIn =>
  binary((first, second) => {
    if (!isInteger(first) || !isInteger(second)) return undefined
    const result = calculate(BigInt(first), BigInt(second))
    return result === undefined ? undefined : Number(BigInt.asIntN(64, result))
  })

const shifted = (shift: (value: bigint, by: bigint) => bigint): BuiltIn =>
  integral((value, by) => (by < 0n || by > 63n ? undefined : shift(value, by)))

/** Rounds half away from zero, like the service and unlike JavaScript. */
const round = (number: number): number => Math.sign(number) * Math.round(Math.abs(number))

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/mathematical-functions */
export const NUMBERS = {
  ABS: one(Math.abs),
  ACOS: one(Math.acos),
  ASIN: one(Math.asin),
  ATAN: one(Math.atan),
  ATN2: binary((x, y) => Math.atan2(y, x)),
  CEILING: one(Math.ceil),
  COS: one(Math.cos),
  COT: one((number) => 1 / Math.tan(number)),
  DEGREES: one((radians) => (radians * 180) / Math.PI),
  EXP: one(Math.exp),
  FLOOR: one(Math.floor),
  LOG: numeric(1, 2, (number = 0, base) => Math.log(number) / (base === undefined ? 1 : Math.log(base))),
  LOG10: one(Math.log10),
  NUMBERBIN: numeric(1, 2, (number = 0, size = 1) => (size === 0 ? undefined : Math.floor(number / size) * size)),
  PI: builtIn(0, 0, () => Math.PI),
  POWER: binary((base, exponent) => base ** exponent),
  RADIANS: one((degrees) => (degrees * Math.PI) / 180),
  RAND: builtIn(0, 0, () => Math.random()),
  ROUND: one(round),
  SIGN: one(Math.sign),
  SIN: one(Math.sin),
  SQRT: one(Math.sqrt),
  SQUARE: one((number) => number * number),
  TAN: one(Math.tan),
  TRUNC: one(Math.trunc),
  INTADD: integral((a, b) => a + b),
  INTSUB: integral((a, b) => a - b),
  INTMUL: integral((a, b) => a * b),
  INTDIV: integral((a, b) => (b === 0n ? undefined : a / b)),
  INTMOD: integral((a, b) => (b === 0n ? undefined : a % b)),
  INTBITAND: integral((a, b) => a & b),
  INTBITOR: integral((a, b) => a | b),
  INTBITXOR: integral((a, b) => a ^ b),
  INTBITNOT: one((number) => (isInteger(number) ? Number(~BigInt(number)) : undefined)),
  INTBITLEFTSHIFT: shifted((value, by) => value << by),
  INTBITRIGHTSHIFT: shifted((value, by) => value >> by),
}
