import { render } from 'preact'
import { takeToken } from './api/token.ts'
import { App } from './app.tsx'
import './styles/main.css'

takeToken()
// Somebody gives the address to a tab that has the console already.
addEventListener('hashchange', () => {
  if (takeToken()) location.reload()
})

const root = document.getElementById('app')
if (root) render(<App />, root)
