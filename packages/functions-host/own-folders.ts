/** URLs of the host's own sources: kit starts it, and stands at the end of the stacks of what its start awaits. */
export const OWN_FOLDERS: readonly string[] = ['.', '../kit'].map(
  (folder) => new URL(`${folder}/`, import.meta.url).href,
)
