import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { go, href, type Route, useRoute } from './lib/route.ts'
import { Services, useConfiguration } from './lib/system.tsx'
import { AuditPage } from './pages/audit.tsx'
import { LivePage } from './pages/live.tsx'
import { MapPage } from './pages/map.tsx'
import { ParkedPage } from './pages/parked.tsx'
import { ProcessesPage } from './pages/processes.tsx'
import { StreamPage } from './pages/stream.tsx'
import { StreamsPage } from './pages/streams.tsx'
import { TracePage } from './pages/trace.tsx'
import { TryPage } from './pages/try.tsx'
import { ViewsPage } from './pages/views.tsx'
import { Empty, Page, WhenLoaded } from './parts/faces.tsx'

interface Entry {
  readonly path: string
  readonly name: string
  readonly page: (props: { readonly route: Route }) => VNode
  /** The navigation entry it belongs to, if it has none of its own. */
  readonly below?: string
}

const entries: readonly Entry[] = [
  { path: '', name: 'Map', page: MapPage },
  { path: 'streams', name: 'Streams', page: StreamsPage },
  { path: 'live', name: 'Live', page: LivePage },
  { path: 'views', name: 'Views', page: ViewsPage },
  { path: 'parked', name: 'Parked', page: ParkedPage },
  { path: 'processes', name: 'Processes', page: ProcessesPage },
  { path: 'audit', name: 'Audit', page: AuditPage },
  { path: 'try', name: 'Try it', page: TryPage },
  { path: 'stream', name: 'Stream', page: StreamPage, below: 'streams' },
  { path: 'trace', name: 'Trace', page: TracePage, below: 'streams' },
]

export function App(): VNode {
  const configuration = useConfiguration()
  const route = useRoute()
  const [first = ''] = route.path
  const entry = entries.find(({ path }) => path === first)
  const main = useRef<HTMLElement>(null)
  const place = route.path.join('/')
  useEffect(() => {
    document.title = `${[entry?.name ?? 'Not found', ...route.path.slice(1)].join(' · ')} · Tidemark`
  }, [place])
  const shown = useRef(place)
  useEffect(() => {
    // On another page, move the focus there for screen readers and the keyboard.
    if (shown.current === place) return
    shown.current = place
    main.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [place])
  const Shows = entry?.page
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header class="top">
        <a class="brand" href="#/" aria-label="Tidemark, to the map">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <rect width="32" height="32" rx="7" class="brand-box" />
            <path d="M5 12h22M5 18c4-3 7-3 11 0s7 3 11 0M5 24c4-3 7-3 11 0s7 3 11 0" class="brand-line" />
          </svg>
          <span>Tidemark</span>
        </a>
        <Find route={route} />
        <ThemeSwitch />
      </header>
      <nav class="side" aria-label="Pages">
        {entries
          .filter(({ below }) => below === undefined)
          .map(({ path, name }) => (
            <a
              key={path}
              href={href(path === '' ? [] : [path])}
              aria-current={path === (entry?.below ?? first) ? 'page' : undefined}
            >
              <Icon name={path} />
              {name}
            </a>
          ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        <WhenLoaded loaded={configuration} what="the list of services">
          {(services) => (
            <Services.Provider value={services}>
              {Shows ? (
                <Shows route={route} />
              ) : (
                <Page title="Not found">
                  <Empty>
                    There is no page <code>{place}</code>. <a href="#/">To the map</a>
                  </Empty>
                </Page>
              )}
            </Services.Provider>
          )}
        </WhenLoaded>
      </main>
    </>
  )
}

function Find({ route }: { readonly route: Route }): VNode {
  const [text, setText] = useState(route.query.get('q') ?? '')
  const asked = route.path[0] === 'streams' ? (route.query.get('q') ?? '') : undefined
  useEffect(() => {
    if (asked !== undefined) setText(asked)
  }, [asked])
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        go(href(['streams'], { q: text.trim() }))
      }}
    >
      <label class="visually-hidden" for="find">
        Find a stream, or any text in a view
      </label>
      <input
        id="find"
        type="search"
        placeholder="Find an order, a customer, a product…"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        autocomplete="off"
        spellcheck={false}
      />
      <button type="submit">Find</button>
    </form>
  )
}

const THEME = 'tidemark.theme'
const themes = ['auto', 'light', 'dark'] as const
type Theme = (typeof themes)[number]

function applyTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function ThemeSwitch(): VNode {
  const [theme, setTheme] = useState<Theme>(() => themes.find((each) => each === localStorage.getItem(THEME)) ?? 'auto')
  useEffect(() => applyTheme(theme), [theme])
  return (
    <label class="theme">
      <span class="visually-hidden">Colours</span>
      <select
        value={theme}
        onChange={({ currentTarget }) => {
          const chosen = themes.find((each) => each === currentTarget.value) ?? 'auto'
          localStorage.setItem(THEME, chosen)
          setTheme(chosen)
        }}
      >
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}

const icons: Readonly<Record<string, string>> = {
  '': 'M3 4h5v5H3zM12 11h5v5h-5zM8 6.5h3.5a1 1 0 0 1 1 1V11',
  streams: 'M3 5h14M3 10h14M3 15h9',
  live: 'M2 10h4l2-6 4 12 2-6h4',
  views: 'M3 4h14v12H3zM3 8h14M8 8v8',
  parked: 'M7 3h6l4 4v6l-4 4H7l-4-4V7zM10 7v4M10 13.5v.5',
  processes: 'M4 4v8a3 3 0 0 0 3 3h9M13 12l3 3-3 3M4 8h8',
  audit: 'M10 2l6 2.5v5c0 4-2.5 6.5-6 8.5-3.5-2-6-4.500-6-8.500v-5zM7 10l2 2 4-4',
  try: 'M5 3l11 7-11 7z',
}

function Icon({ name }: { readonly name: string }): VNode {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" class="icon" aria-hidden="true">
      <path d={icons[name] ?? ''} />
    </svg>
  )
}
