import type { VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

const OVERSCAN = 8

interface VirtualListProps {
  readonly label: string
  readonly count: number
  readonly rowHeight: number
  readonly render: (index: number) => VNode
  /** Called with the visible rows. */
  readonly onRange?: (first: number, last: number) => void
  /** A row to bring into view when it changes. */
  readonly reveal?: number | undefined
  /** Rows are added at the top. The scroll position stays at the same row. */
  readonly growsAtTop?: boolean
  readonly onKeyDown?: (event: KeyboardEvent) => void
}

/** Draws only the visible rows, so that a hundred thousand rows cost as much as thirty. */
export function VirtualList(props: VirtualListProps): VNode {
  const { label, count, rowHeight, render, onRange, reveal, growsAtTop = false, onKeyDown } = props
  const scroller = useRef<HTMLDivElement>(null)
  const [range, setRange] = useState({ first: 0, last: 0 })

  const look = (): void => {
    const element = scroller.current
    if (!element) return
    const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - OVERSCAN)
    const shown = Math.ceil(element.clientHeight / rowHeight)
    const last = Math.min(count, first + shown + 2 * OVERSCAN)
    setRange((before) => (before.first === first && before.last === last ? before : { first, last }))
  }
  const counted = useRef(count)
  useLayoutEffect(() => {
    const { current: element } = scroller
    const grown = count - counted.current
    counted.current = count
    if (growsAtTop && element && element.scrollTop > 0 && grown > 0) element.scrollTop += grown * rowHeight
    look()
  }, [count, rowHeight])
  useEffect(() => {
    const element = scroller.current
    if (!element) return
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [count, rowHeight])
  useEffect(() => onRange?.(range.first, range.last), [range.first, range.last, count])
  useEffect(() => {
    const element = scroller.current
    if (!element || reveal === undefined) return
    const top = reveal * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight
  }, [reveal, rowHeight])

  const rows = []
  for (let index = range.first; index < Math.min(range.last, count); index += 1)
    rows.push(
      <div
        key={index}
        class="vrow"
        role="listitem"
        aria-setsize={count}
        aria-posinset={index + 1}
        style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
      >
        {render(index)}
      </div>,
    )
  return (
    <div
      ref={scroller}
      class="vlist"
      role="group"
      aria-label={label}
      tabIndex={0}
      onScroll={look}
      onKeyDown={onKeyDown}
      style={{ maxHeight: `${count * rowHeight}px` }}
    >
      <div role="list" class="vspace" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  )
}
