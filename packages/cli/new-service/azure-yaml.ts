/** Tells azd which services to deploy, and how. */
export const DEPLOYED = 'azure.yaml'

// The services, up to the next line that does not belong to them.
const block = /^services:(?: \{\})?\n((?: .*|#.*|)\n)*?(?=^[^ #\n]|(?![\s\S]))/m
/** An entry, with the comments after it. */
const entry = /^ {2}([\w-]+):\n(?: {3,}.*\n| *\n| *#.*\n)*/gm

/**
 * `azure.yaml` with these services. Existing entries stay unchanged, and missing ones are added. Entries for
 * the bundles of other services are removed. Entries that deploy something else belong to the user, and stay.
 * @throws Error if the file does not have the expected form.
 */
export function buildAzureYaml(text: string, services: readonly string[]): string {
  const [found] = block.exec(text) ?? []
  if (found === undefined) throw new Error('azure.yaml has no services that can be changed')
  const entries = new Map([...found.matchAll(entry)].map(([its, name = '']) => [name, its]))
  const own = [...entries]
    .filter(([name, its]) => !services.includes(name) && !its.includes(`dist: bundles/${name}\n`))
    .map(([, its]) => its)
  const made = [...services.map((name) => entries.get(name) ?? formatEntry(name)), ...own].join('')
  const comments = /^services:.*\n((?: *#.*\n)*)/.exec(found)?.[1] ?? ''
  return text.replace(block, () => (made === '' ? `services: {}\n${comments}` : `services:\n${comments}${made}`))
}

function formatEntry(service: string): string {
  // '--' is quoted, because PowerShell would not pass it on to npm.
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
