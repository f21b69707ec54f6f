/** Programs of a Unix shell that Windows does not have, or has with other arguments. */
const UNIX = 'awk bash cat chmod cp export find grep kill ln ls mkdir mv rm sed sh sleep touch trap which'.split(' ')

/** What a command line is made of: words, each with its quotes, and what stands between commands. */
function splitWords(line: string): readonly string[] {
  return line.match(/&&|\|\||[;&|]|(?:"(?:\\.|[^"])*"|'[^']*'|[^\s;&|"'])+/g) ?? []
}

/** The words of each command. */
function splitCommands(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]]
  for (const word of splitWords(line)) {
    if (/^(&&|\|\||[;&|])$/.test(word)) commands.push([])
    else commands.at(-1)?.push(word)
  }
  return commands
}

const unquoted = (word: string): string => word.replace(/"(?:\\.|[^"])*"/g, '')

function findCommandFaults(line: string): string[] {
  return splitCommands(line).flatMap(([program = '']) => {
    if (/^[A-Za-z_]\w*=/.test(program)) return [`${program} before a command sets a variable in sh alone`]
    return UNIX.includes(program) ? [`${program} is a program of Unix`] : []
  })
}

/** What cmd.exe, in which npm runs scripts on Windows, takes otherwise than sh. */
export function faultsInCmd(line: string): readonly string[] {
  const words = splitWords(line)
  const faults = findCommandFaults(line)
  if (line.includes("'")) faults.push('single quotes are no quotes')
  if (/[$`]/.test(line)) faults.push('$ and ` mean nothing')
  if (/%\w+%/.test(line)) faults.push('%NAME% is a variable in cmd alone')
  if (words.includes(';')) faults.push('; parts no commands')
  if (words.includes('&')) faults.push('& runs one command after the other, where sh runs both at once')
  if (/\\$/m.test(line)) faults.push('\\ at the end of a line does not continue it')
  if (/\/dev\//.test(line)) faults.push('there is no /dev')
  for (const [program = ''] of splitCommands(line))
    if (/^[^"]*\//.test(program)) faults.push(`${program}: a program's path has no / in it`)
  for (const word of words) if (/[*?{}[\]]/.test(unquoted(word))) faults.push(`${word}: sh expands it and cmd does not`)
  return faults
}

/** What PowerShell takes otherwise than sh. */
export function faultsInPowerShell(line: string): readonly string[] {
  const words = splitWords(line)
  const faults = findCommandFaults(line)
  if (/\$(?!env:)|`/.test(line.replace(/'[^']*'/g, ''))) faults.push('$ and ` have another meaning')
  if (words.includes('&')) faults.push('& calls a program')
  if (words.includes('--')) faults.push("-- is kept from the program: it is written '--'")
  if (/\\$/m.test(line)) faults.push('\\ at the end of a line does not continue it')
  if (/\/dev\//.test(line)) faults.push('there is no /dev')
  return faults
}
