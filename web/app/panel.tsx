/**
 * One station of the path: number, title, what happens here, the figure, and below it the formula, the shapes and the hook points that the
 * figure was read from. The number stands on the line that runs down the page; what flows on to the next station stands under it.
 */
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { save, type Saved } from './export.js'
import { messageOf } from './trouble.js'

export interface PanelProps {
  readonly id: string
  readonly title: string
  readonly lead: ComponentChildren
  readonly children: ComponentChildren
  /** How the numbers come about. */
  readonly formula?: ComponentChildren
  /** Shapes and hook points, as pairs of a name and what it is. */
  readonly facts?: readonly (readonly [string, ComponentChildren])[]
  /** What goes on to the next station. */
  readonly flows?: string
  /** The figure is older than the scene. */
  readonly busy?: boolean
  /** The figure's numbers. */
  readonly csv?: () => string
  /** The figure's picture. */
  readonly png?: (figure: HTMLElement) => Promise<Blob>
}

export function Panel({ id, title, lead, children, formula, facts, flows, busy, csv, png }: PanelProps) {
  const figure = useRef<HTMLDivElement>(null)
  const [problem, setProblem] = useState('')
  const saveAs = (make: () => Saved | Promise<Saved>) => {
    setProblem('')
    Promise.resolve()
      .then(make)
      .then(save)
      .catch((error: unknown) => setProblem(messageOf(error)))
  }
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <div class="lead">{lead}</div>
      <div class="figure" ref={figure} aria-busy={busy === true}>
        {children}
      </div>
      {(formula || facts) && (
        <div class="how">
          {formula && <p class="formula">{formula}</p>}
          {facts && (
            <dl>
              {facts.map(([name, what]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          )}
        </div>
      )}
      {(csv || png) && (
        <p class="save">
          {csv && (
            <button type="button" class="quiet" onClick={() => saveAs(() => ({ name: `${id}.csv`, content: csv() }))}>
              Save CSV<span class="unseen"> of {title}</span>
            </button>
          )}
          {png && (
            <button
              type="button"
              class="quiet"
              onClick={() => saveAs(async () => ({ name: `${id}.png`, content: await png(figure.current!) }))}
            >
              Save PNG<span class="unseen"> of {title}</span>
            </button>
          )}
          {problem && <span role="alert">{problem}</span>}
        </p>
      )}
      {flows && (
        <p class="flows">
          <span>{flows}</span>
        </p>
      )}
    </section>
  )
}

/** A hook point's name. */
export function Hook({ children }: { readonly children: string }) {
  return <code class="hook">{children}</code>
}
