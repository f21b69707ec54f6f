import { script } from '@bomb.sh/tab'
import completeWith from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { examples } from '../command/examples.ts'

const NAME = 'tidemark'

/**
 * The library's script for bash evaluates what was typed, and needs the package bash-completion. This script
 * needs only bash. Both get the candidates from `tidemark complete`, which the library adds.
 */
const BASH = `# bash completion for ${NAME}
_${NAME}() {
  local candidate
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    case $candidate in
      :[0-9]* | '') ;;
      *) COMPREPLY+=("$candidate") ;;
    esac
  done < <(${NAME} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _${NAME} ${NAME}`

/**
 * The library's script for PowerShell evaluates what was typed too, and throws if there is nothing to
 * complete. Windows PowerShell, and PowerShell before 7.3, drop an empty argument unless it is quoted once
 * more.
 */
const POWERSHELL = `# PowerShell completion for ${NAME}
Register-ArgumentCompleter -Native -CommandName ${NAME} -ScriptBlock {
  param($word, $line, $cursor)
  $words = @($line.CommandElements | Select-Object -Skip 1 |
      Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object {
    if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
  })
  $last = $word
  if ($last -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3' -or
      $PSNativeCommandArgumentPassing -eq 'Legacy')) { $last = '""' }
  $option = if ($word -match '^(--[\\w-]+=)') { $Matches[1] } else { '' }
  & ${NAME} complete '--' @words $last 2>$null | Where-Object { $_ -and $_ -notmatch '^:\\d+$' } | ForEach-Object {
    $name, $description = $_ -split "\`t", 2
    if (-not $description) { $description = $name }
    [System.Management.Automation.CompletionResult]::new("$option$name", $name, 'ParameterValue', $description)
  }
}`

const OWN: Readonly<Record<string, string>> = { bash: BASH, powershell: POWERSHELL }

/** Adds `tidemark completions <shell>`. Called last, so that it knows every command. */
export function addCompletions(program: Command): void {
  completeWith(program, { completionCommandName: 'completions' })
  program.commands
    .find((command) => command.name() === 'completions')
    ?.description('prints the completion script of a shell')
    .addHelpText(
      'after',
      `${examples('completions zsh > ~/.zsh/_tidemark')}\n  source <(tidemark completions bash)\n` +
        '  tidemark completions fish | source\n  tidemark completions powershell | Out-String | Invoke-Expression',
    )
    .action((shell: string) => {
      const own = OWN[shell]
      if (own === undefined) script(shell, NAME, NAME)
      else console.log(own)
    })
}
