import { render } from 'preact'
import { takeToken } from './api/token.ts'
import { App } from './app.tsx'
import './styles/main.css'

takeToken()
// The address with a token was opened in a tab that already has the console.
addEventListener('hashchange', () => {
  if (takeToken()) location.reload()
})

const root = document.getElementById('app')
if (root) render(<App />, root)
