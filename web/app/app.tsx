/**
 * The page from top to bottom: what is asked and what is answered, then the path between the two; beside it the guide, while a tour is on.
 */
import { useState } from 'preact/hooks'
import { Guide } from '../tours/guide.js'
import { TourList } from '../tours/tour-list.js'
import type { Tour } from '../tours/tour.js'
import type { Explorer } from './explorer.js'
import { Header } from './header.js'
import { Opening } from './opening.js'
import { Path } from './path.js'
import { SceneForm } from './scene-form.js'
import { skipTo } from './skip.js'

export interface AppProps {
  readonly explorer: Explorer
}

export function App({ explorer }: AppProps) {
  const [tour, setTour] = useState<Tour | undefined>(undefined)
  const isReady = explorer.shown.value !== undefined
  return (
    <>
      <a class="skip" href="#path" onClick={(event) => skipTo(event, 'path')}>
        Skip to the path
      </a>
      <Header explorer={explorer} />
      <main>
        <div class="top">
          <div class="title">
            <h1>How a transformer answers from what it reads</h1>
            <p class="intro">
              A small model runs in this page. Ask it something, change what it reads, and follow the answer from the
              first token to the last. Every number below comes from this run.
            </p>
          </div>
          <TourList current={tour} isReady={isReady} onTour={setTour} />
          <SceneForm explorer={explorer} />
          <Opening explorer={explorer} />
        </div>
        <Path explorer={explorer} />
      </main>
      <footer class="foot">
        <a href="licences.txt">Licences of the packages in this page</a>
      </footer>
      {tour && <Guide key={tour.title} explorer={explorer} tour={tour} onEnd={() => setTour(undefined)} />}
    </>
  )
}
