/**
 * How many arrays and objects may be nested in what an event says, or in a body. The Functions host reads items with Json.NET, which fails at
 * 65 and would hold the relay for ever; the item and the batch around an event take a few of them.
 * https://www.newtonsoft.com/json/help/html/P_Newtonsoft_Json_JsonSerializerSettings_MaxDepth.htm
 */
export const MAX_NESTING = 48

/** Whether a JSON value nests more arrays and objects than that. Looks level by level, so that no depth exhausts the stack. */
export function nestsTooDeep(value: unknown, most = MAX_NESTING): boolean {
  let level = [value].filter(isContainer)
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= most) return true
    level = level.flatMap((container) => Object.values(container).filter(isContainer))
  }
  return false
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
