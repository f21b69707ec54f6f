/** Creates a value on first use. */
export function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Concurrent callers share one call. */
export function shared<Value>(find: () => Promise<Value>): () => Promise<Value> {
  let finding: Promise<Value> | undefined
  return () => {
    finding ??= find().finally(() => {
      finding = undefined
    })
    return finding
  }
}
