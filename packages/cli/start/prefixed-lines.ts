type Output = 'stdout' | 'stderr'

/**
 * Prints the output of a process line by line, each line with the process's name. An incomplete line waits
 * for its end.
 */
export function prefixedLines(name: string): { write(text: string, output: Output): void; end(): void } {
  const open = { stdout: '', stderr: '' }
  const print = (line: string, output: Output): void => {
    process[output].write(`${name.padEnd(12)} ${line}\n`)
  }
  return {
    write(text, output) {
      const lines = (open[output] + text).split('\n')
      open[output] = lines.pop() ?? ''
      for (const line of lines) print(line, output)
    },
    end() {
      for (const output of ['stdout', 'stderr'] as const) if (open[output] !== '') print(open[output], output)
    },
  }
}
