/**
 * The page's script.
 */
import { render } from 'preact'
import { App } from './app/app.js'
import { Explorer } from './app/explorer.js'
import { startTheme } from './app/theme.js'
import { createEngine } from './engine/client.js'

startTheme()
const explorer = new Explorer(createEngine())
const app = document.querySelector('#app')!
app.replaceChildren()
render(<App explorer={explorer} />, app)
void explorer.start()
