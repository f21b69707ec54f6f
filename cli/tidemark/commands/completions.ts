import { script } from '@bomb.sh/tab'
import completeWith from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { examples } from '../examples.ts'

const NAME = 'tidemark'

/**
 * That of the library evaluates what was typed, and needs the package bash-completion. This one needs bash alone. What there is to complete
 * comes from the same place: `tidemark complete`, which the library adds.
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

/** `tidemark completions <shell>`: called last, so that it knows every command. */
export function addCompletions(program: Command): void {
  completeWith(program, { completionCommandName: 'completions' })
  program.commands
    .find((command) => command.name() === 'completions')
    ?.description('prints the completion script of a shell')
    .addHelpText(
      'after',
      `${examples('completions zsh > ~/.zsh/_tidemark')}\n  source <(tidemark completions bash)\n  tidemark completions fish | source`,
    )
    .action((shell: string) => {
      if (shell === 'bash') console.log(BASH)
      else script(shell, NAME, NAME)
    })
}
