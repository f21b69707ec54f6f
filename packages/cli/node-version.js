// npm's scripts load this first (`node --import`). Sources are TypeScript, which an older Node does not read,
// so this is JavaScript.
// https://nodejs.org/api/typescript.html#type-stripping

const [major, minor] = process.versions.node.split('.').map(Number)
const reads = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
if (!reads) {
  console.error(
    `Node ${process.versions.node} is too old: the sources need Node 22.18 or newer. ` +
      "npm ci installs one for npm's scripts, if the package node may run its install script",
  )
  process.exit(1)
}
