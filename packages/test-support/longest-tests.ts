/**
 * The test files that take longest, in that order. They start first: one that started last would run alone,
 * while the other processors have nothing to do.
 */
export const LONGEST: readonly string[] = [
  'test/flow/gaps.deep.test.ts',
  'test/flow/add-a-service.deep.test.ts',
  'test/flow/crash.deep.test.ts',
  'test/flow/errors/errors.test.ts',
  'test/flow/new-service.deep.test.ts',
  'test/flow/dev.deep.test.ts',
  'test/flow/cli.test.ts',
  'test/flow/restore.test.ts',
  'test/flow/services-apart.test.ts',
  'test/flow/replay-ended.deep.test.ts',
  'test/packages/packages.test.ts',
  'test/infra/packages.test.ts',
  'test/chaos/mutations.deep.test.ts',
  'test/flow/forgetting.test.ts',
  'test/flow/hosts.deep.test.ts',
  'test/flow/old-meets-new-inventory.deep.test.ts',
  'test/flow/deadlines.test.ts',
  'test/flow/start.test.ts',
  'test/flow/old-meets-new.deep.test.ts',
  'test/flow/replay.deep.test.ts',
  'test/chaos/chaos.deep.test.ts',
  'packages/event-hubs/test/embedded.test.ts',
  'test/contract/schemas-command.deep.test.ts',
  'packages/event-hubs/test/injected-faults.test.ts',
  'test/flow/clocks.deep.test.ts',
  'packages/tidemark/test/contract/verify-views.test.ts',
  'test/console/console.test.ts',
  'packages/functions-host/test/cosmos-trigger.test.ts',
  'packages/functions-host/test/event-hub-trigger.test.ts',
  'packages/cli/test/commands/commands.test.ts',
]

/** Sorts test files: the longest first, the others by name. */
export function longestFirst(files: readonly string[]): string[] {
  const rank = new Map(LONGEST.map((file, index) => [file, index]))
  const rankOf = (file: string): number => rank.get(file.replaceAll('\\', '/')) ?? LONGEST.length
  return files.toSorted().toSorted((a, b) => rankOf(a) - rankOf(b))
}
