// Logs and views, checked by code that shares nothing with what wrote them.

export { verifyLog } from './log.ts'
export { type DeclaredService, verifyViews } from './views.ts'
