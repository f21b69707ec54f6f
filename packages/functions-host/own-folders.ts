/** URLs of the host's own sources. kit starts the host, so it is at the end of the stacks of the start. */
export const OWN_FOLDERS: readonly string[] = ['.', '../kit'].map(
  (folder) => new URL(`${folder}/`, import.meta.url).href,
)
