/** What may be deleted from a template without anything being less safe: `<type> <path>`, or `<type>` for a resource as a whole. */
export const NOT_SECURITY: readonly RegExp[] = []
