import { checkContent } from '../../runtime/record.ts'

/** For tests outside of this package, which may not import the runtime. */
export const writtenBy = checkContent
