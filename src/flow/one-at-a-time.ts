/**
 * Runs the tasks of one key one after another, those of different keys side by side. Commands on one stream that run in the same
 * instance would only take the next version from each other: in turn, each finds the state that the one before left.
 */
export function oneAtATime(): <Value>(key: string, task: () => Promise<Value>) => Promise<Value> {
  const last = new Map<string, Promise<unknown>>()
  return (key, task) => {
    const before = last.get(key)
    const result = before === undefined ? task() : before.then(task)
    // What became of a task is its caller's to hear; the next one only waits for its end.
    const end = result.then(ignore, ignore).then(() => {
      if (last.get(key) === end) last.delete(key)
    })
    last.set(key, end)
    return result
  }
}

function ignore(): void {}
