/** Which services are deployed, and how: read by azd. */
export const DEPLOYED = 'azure.yaml'

// The services, up to the next line that is not of them.
const block = /^services:(?: \{\})?\n((?: .*|#.*|)\n)*?(?=^[^ #\n]|(?![\s\S]))/m
/** With the comments behind it. */
const entry = /^ {2}([\w-]+):\n(?: {3,}.*\n| *\n| *#.*\n)*/gm

/**
 * `azure.yaml` with these services. Those that stand there stay as they are, and others are added. A service whose
 * bundle stands there, and that is not among them, is removed. What deploys something else is somebody's own,
 * and stays.
 * @throws Error where it is not written as it was made.
 */
export function buildAzureYaml(text: string, services: readonly string[]): string {
  const [found] = block.exec(text) ?? []
  if (found === undefined) throw new Error('azure.yaml has no services that can be written')
  const entries = new Map([...found.matchAll(entry)].map(([its, name = '']) => [name, its]))
  const own = [...entries]
    .filter(([name, its]) => !services.includes(name) && !its.includes(`dist: bundles/${name}\n`))
    .map(([, its]) => its)
  const made = [...services.map((name) => entries.get(name) ?? formatEntry(name)), ...own].join('')
  const comments = /^services:.*\n((?: *#.*\n)*)/.exec(found)?.[1] ?? ''
  return text.replace(block, () => (made === '' ? `services: {}\n${comments}` : `services:\n${comments}${made}`))
}

function formatEntry(service: string): string {
  // '--' in quotes: PowerShell would keep it from npm.
  const bundle = `npm run -s bundle '--' --service ${service}`
  return `  ${service}:
    project: .
    dist: bundles/${service}
    language: js
    host: function
    remoteBuild: false
    hooks:
      prepackage:
        windows:
          shell: pwsh
          run: ${bundle}
        posix:
          shell: sh
          run: ${bundle}
`
}
