import { isObject, sameJson, setField } from '../../values/json.ts'
import { formatCanonical } from '../../values/values.ts'
import { builtIn, isArray, isNumber, isText, MANY } from './built-in.ts'

const has = (array: readonly unknown[], value: unknown): boolean => array.some((element) => sameJson(element, value))

/** Whether a value has everything that an object asks for. It may have more. */
function hasPart(value: unknown, wanted: unknown): boolean {
  if (!isObject(value) || !isObject(wanted)) return sameJson(value, wanted)
  return Object.entries(wanted).every(([name, inner]) => Object.hasOwn(value, name) && hasPart(value[name], inner))
}

const distinct = (values: readonly unknown[]): unknown[] => [
  ...new Map(values.map((value) => [formatCanonical(value), value])).values(),
]

/** Two arrays as sets: the elements of the first that the second has, or does not have. */
const setOperation = (wanted: boolean) =>
  builtIn(2, 2, ([first, second]) => {
    if (!isArray(first) || !isArray(second)) return undefined
    const others = new Set(second.map(formatCanonical))
    return distinct(first.filter((value) => others.has(formatCanonical(value)) === wanted))
  })

/** Whether the array contains each value. Undefined values are not comparable. */
const searchEach = (array: readonly unknown[], values: readonly unknown[]): (boolean | undefined)[] =>
  values.map((value) => (value === undefined ? undefined : has(array, value)))

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/array-functions */
export const ARRAYS = {
  ARRAY_CONCAT: builtIn(2, MANY, (arrays, work) => {
    if (!arrays.every(isArray)) return undefined
    work.checkSize(arrays.reduce((sum, { length }) => sum + length, 0))
    return arrays.flat()
  }),
  ARRAY_CONTAINS: builtIn(2, 3, ([array, value, partial = false]) => {
    if (!isArray(array) || value === undefined || typeof partial !== 'boolean') return undefined
    return partial ? array.some((element) => hasPart(element, value)) : has(array, value)
  }),
  ARRAY_CONTAINS_ALL: builtIn(2, MANY, ([array, ...values]) => {
    if (!isArray(array)) return undefined
    const found = searchEach(array, values)
    return found.includes(false) ? false : found.includes(undefined) ? undefined : true
  }),
  ARRAY_CONTAINS_ANY: builtIn(2, MANY, ([array, ...values]) => {
    if (!isArray(array)) return undefined
    const found = searchEach(array, values)
    return found.includes(true) ? true : found.includes(undefined) ? undefined : false
  }),
  ARRAY_LENGTH: builtIn(1, 1, ([array]) => (isArray(array) ? array.length : undefined)),
  ARRAY_SLICE: builtIn(2, 3, ([array, start, length = Number.MAX_SAFE_INTEGER]) => {
    if (!isArray(array) || !isNumber(start) || !isNumber(length)) return undefined
    const from = start < 0 ? Math.max(0, array.length + Math.trunc(start)) : Math.trunc(start)
    return array.slice(from, from + Math.max(0, Math.trunc(length)))
  }),
  CHOOSE: builtIn(2, MANY, ([index, ...values]) =>
    isNumber(index) && index >= 1 ? values[Math.trunc(index) - 1] : undefined,
  ),
  IIF: builtIn(3, 3, ([condition, yes, no]) => (condition === true ? yes : no)),
  OBJECTTOARRAY: builtIn(1, 3, ([object, keyName = 'k', valueName = 'v']) => {
    if (!isObject(object) || !isText(keyName) || !isText(valueName)) return undefined
    return Object.entries(object).map(([name, value]) => {
      const pair = {}
      setField(pair, keyName, name)
      setField(pair, valueName, value)
      return pair
    })
  }),
  SETDIFFERENCE: setOperation(false),
  SETINTERSECT: setOperation(true),
  SETUNION: builtIn(2, 2, ([first, second]) =>
    isArray(first) && isArray(second) ? distinct([...first, ...second]) : undefined,
  ),
}
