import type { EventAnswer } from '../../api/answers.ts'
import type { Cell, Column } from '../output/table.ts'

export const eventColumns: readonly Column[] = [
  { title: 'version', right: true },
  { title: 'time' },
  { title: 'type' },
  { title: 'actor', flexible: true },
  { title: 'causation', flexible: true },
  { title: 'data', flexible: true },
]

export function eventRow({ version, time, type, actor, causation, data }: EventAnswer): readonly Cell[] {
  return [version, time, type, actor, causation, JSON.stringify(data)]
}
