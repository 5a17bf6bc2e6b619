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
render(<App explorer={explorer} />, document.querySelector('#app')!)
void explorer.start()
