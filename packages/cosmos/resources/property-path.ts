/**
 * The names of a path to a property: `/a/"b/c"` leads to `b/c` in `a`. A name may be in quotes, and must be
 * if it has a slash.
 */
export const parsePropertyPath = (path: string): readonly string[] =>
  Array.from(path.matchAll(/"([^"]+)"|([^/"]+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
