import { isObject } from '../../values/json.ts'
import { builtIn, isArray, isNumber, isText } from './built-in.ts'

const test = (is: (value: unknown) => boolean) => builtIn(1, 1, ([value]) => is(value))
const isBoolean = (value: unknown): boolean => typeof value === 'boolean'

/** Whether a value is an integer of 64 bits. */
export const isInteger = (value: unknown): value is number =>
  isNumber(value) && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/type-checking-functions */
export const TYPE_CHECKS = {
  IS_ARRAY: test(isArray),
  IS_BOOL: test(isBoolean),
  IS_DEFINED: test((value) => value !== undefined),
  IS_FINITE_NUMBER: test((value) => Number.isFinite(value)),
  IS_INTEGER: test(isInteger),
  IS_NULL: test((value) => value === null),
  IS_NUMBER: test(isNumber),
  IS_OBJECT: test(isObject),
  IS_PRIMITIVE: test((value) => value === null || isBoolean(value) || isNumber(value) || isText(value)),
  IS_STRING: test(isText),
}
