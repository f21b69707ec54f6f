/** Unix programs that Windows lacks, or has with other arguments. */
const UNIX = 'awk bash cat chmod cp export find grep kill ln ls mkdir mv rm sed sh sleep touch trap which'.split(' ')

/** The parts of a command line: words with their quotes, and the separators between commands. */
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
    if (/^[A-Za-z_]\w*=/.test(program)) return [`${program} before a command sets a variable in sh only`]
    return UNIX.includes(program) ? [`${program} is a program of Unix`] : []
  })
}

/** The parts of a line that cmd.exe, in which npm runs scripts on Windows, reads otherwise than sh. */
export function faultsInCmd(line: string): readonly string[] {
  const words = splitWords(line)
  const faults = findCommandFaults(line)
  if (line.includes("'")) faults.push('single quotes are not quotes')
  if (/[$`]/.test(line)) faults.push('$ and ` have no meaning')
  if (/%\w+%/.test(line)) faults.push('%NAME% is a variable in cmd only')
  if (words.includes(';')) faults.push('; does not separate commands')
  if (words.includes('&')) faults.push('& runs one command after the other, where sh runs both at once')
  if (/\\$/m.test(line)) faults.push('\\ at the end of a line does not continue it')
  if (/\/dev\//.test(line)) faults.push('there is no /dev')
  for (const [program = ''] of splitCommands(line))
    if (/^[^"]*\//.test(program)) faults.push(`${program}: a program's path must not contain /`)
  for (const word of words) if (/[*?{}[\]]/.test(unquoted(word))) faults.push(`${word}: sh expands it and cmd does not`)
  return faults
}

/** The parts of a line that PowerShell reads otherwise than sh. */
export function faultsInPowerShell(line: string): readonly string[] {
  const words = splitWords(line)
  const faults = findCommandFaults(line)
  if (/\$(?!env:)|`/.test(line.replace(/'[^']*'/g, ''))) faults.push('$ and ` have another meaning')
  if (words.includes('&')) faults.push('& calls a program')
  if (words.includes('--')) faults.push("-- is kept from the program and must be written as '--'")
  if (/\\$/m.test(line)) faults.push('\\ at the end of a line does not continue it')
  if (/\/dev\//.test(line)) faults.push('there is no /dev')
  return faults
}
