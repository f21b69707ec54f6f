// Checks logs and views with code that is independent of the code that wrote them.

export { verifyLog } from './log.ts'
export { type DeclaredService, verifyViews } from './views.ts'
