import { type Place, type Setting, settings } from 'tidemark/tools'
import { markdownTable } from '../command-line/markdown-table.ts'

const places: Readonly<Record<Place, string>> = { local: 'the sample', azure: '`infra/`', platform: 'Azure' }
const readers: Readonly<Record<Setting['readBy'], string>> = {
  services: 'services',
  host: 'host',
  both: 'host, services',
}
const TABLE = /<!-- settings -->[\s\S]*<!-- \/settings -->/

/** The list of settings as a Markdown table. */
function settingsTable(): string {
  const rows = [...settings].map(([name, setting]) => [
    `\`${name}\``,
    setting.meaning,
    `${setting.mustBe}${setting.unit ? ` (${setting.unit})` : ''}`,
    formatDefault(setting),
    setting.setIn.map((place) => places[place]).join(', ') || '–',
    readers[setting.readBy],
  ])
  return markdownTable(['setting', 'what it is', 'must be', 'default', 'set in', 'read by'], rows)
}

/** Writes the table between the markers of a document. @throws Error if it has none. */
export function withSettingsTable(document: string): string {
  if (!TABLE.test(document)) throw new Error('there is no <!-- settings --> and <!-- /settings --> to write between')
  return document.replace(TABLE, () => `<!-- settings -->\n\n${settingsTable()}\n\n<!-- /settings -->`)
}

function formatDefault({ schema }: Setting): string {
  const { data } = schema.safeParse(undefined)
  return data === undefined ? '–' : `\`${data}\``
}
