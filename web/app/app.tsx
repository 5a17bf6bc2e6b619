/**
 * The page from top to bottom: what is asked and what is answered, then the path between the two.
 */
import { Header } from './header.js'
import type { Explorer } from './explorer.js'
import { Opening } from './opening.js'
import { Path } from './path.js'
import { SceneForm } from './scene-form.js'

export interface AppProps {
  readonly explorer: Explorer
}

export function App({ explorer }: AppProps) {
  return (
    <>
      <a class="skip" href="#path" onClick={(event) => skipTo(event, 'path')}>
        Skip to the path
      </a>
      <Header explorer={explorer} />
      <main>
        <div class="top">
          <h1>How a transformer answers from what it reads</h1>
          <p class="intro">
            A small model runs in this page. Ask it something, change what it reads, and follow the answer from the
            first token to the last. Every number below comes from this run.
          </p>
          <SceneForm explorer={explorer} />
          <Opening explorer={explorer} />
        </div>
        <Path explorer={explorer} />
      </main>
    </>
  )
}

/** The address holds the state, so a jump within the page must not write itself there. */
export function skipTo(event: Event, id: string): void {
  event.preventDefault()
  const target = document.getElementById(id)
  target?.scrollIntoView()
  target?.focus({ preventScroll: true })
}
