/**
 * The names on the way to a property: `/a/"b/c"` leads to `b/c` in `a`. A name may stand in quotes, and one
 * with a slash does.
 */
export const parsePropertyPath = (path: string): readonly string[] =>
  Array.from(path.matchAll(/"([^"]+)"|([^/"]+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
