/** The colours of a picture, for pages with a light and with a dark background. */
export interface Theme {
  readonly text: string
  readonly line: string
  readonly fill: string
  readonly box: string
}

export const THEMES: Readonly<Record<'light' | 'dark', Theme>> = {
  light: { text: '#1f2328', line: '#59636e', fill: '#ffffff', box: '#f6f8fa' },
  dark: { text: '#f0f6fc', line: '#9198a1', fill: '#0d1117', box: '#151b23' },
}

/** What every picture begins with, in the language of Graphviz. https://graphviz.org/doc/info/attrs.html */
export function formatHeader({ text, line, fill }: Theme): string {
  return `rankdir=LR bgcolor=transparent nodesep=0.25 ranksep=0.6 fontname="Helvetica" fontcolor="${text}"
  node [fontname="Helvetica" fontsize=12 fontcolor="${text}" color="${line}" fillcolor="${fill}"]
  node [style="filled,rounded" shape=box margin="0.2,0.1"]
  edge [fontname="Helvetica" fontsize=10 fontcolor="${text}" color="${line}" arrowsize=0.7]`
}
