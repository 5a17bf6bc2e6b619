/**
 * What the key-value cache saves at a decoding step: the rows of keys and values that are there from earlier steps, the one that this step adds, and
 * those of the passage, made once before the first step.
 */
import type { ReaderInfo, Step, Token } from '../protocol.js'
import { tokenLabel } from './tokens.js'

export interface CacheViewProps {
  readonly steps: readonly Step[]
  readonly step: number
  /** What the decoder reads, start token first. */
  readonly target: readonly Token[]
  /** What the encoder read. */
  readonly source: readonly Token[]
  readonly reader: Pick<ReaderInfo, 'attentions' | 'numHeads' | 'headDim'>
}

export function CacheView({ steps, step, target, source, reader }: CacheViewProps) {
  const { held, added, crossHeld } = steps[step].cache
  const padding = crossHeld - source.length // all passages of a question are one batch
  const { attentions, numHeads, headDim } = reader
  const layers = attentions.filter(({ stack, kind }) => stack === 'decoder' && kind === 'self').length
  const rowNumbers = 2 * layers * numHeads * headDim
  const computed = steps.slice(0, step + 1).reduce((sum, { cache }) => sum + cache.added, 0)
  const without = steps.slice(0, step + 1).reduce((sum, { cache }) => sum + cache.held + cache.added, 0)
  return (
    <section class="cache-view" aria-label="Key-value cache">
      <figure>
        <figcaption>
          Self-attention: {held} {held === 1 ? 'row' : 'rows'} of K and V held, {added} computed now
        </figcaption>
        <CacheRows tokens={target.slice(0, steps.length)} held={held} added={added} />
      </figure>
      <figure>
        <figcaption>
          Cross-attention: {crossHeld} rows of K and V, one for each token of the passage and the question
          {padding > 0 && ` and ${padding} of padding up to the longest passage`}, computed at step 1 and held since
        </figcaption>
        <CacheRows tokens={source} held={step === 0 ? 0 : crossHeld} added={step === 0 ? crossHeld : 0} />
      </figure>
      <p class="note">
        A row is a key and a value in each of {layers} layers and {numHeads} heads: 2 · {layers} · {numHeads} ·{' '}
        {headDim} = {rowNumbers.toLocaleString('en')} numbers. Up to this step self-attention computed {computed}{' '}
        {computed === 1 ? 'row' : 'rows'}; without a cache it would have been {without}. The cache changes no number,
        only how often it is computed.
      </p>
    </section>
  )
}

interface CacheRowsProps {
  readonly tokens: readonly Token[]
  readonly held: number
  readonly added: number
}

function CacheRows({ tokens, held, added }: CacheRowsProps) {
  const state = (i: number) => (i < held ? 'is-held' : i < held + added ? 'is-new' : 'is-later')
  return (
    <div class="cache-rows" tabIndex={0} role="region" aria-label={`${held} rows held, ${added} new`}>
      <table>
        <thead>
          <tr>
            <td />
            {tokens.map((token, i) => (
              <th scope="col" key={i} class={state(i)}>
                {tokenLabel(token)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {['K', 'V'].map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {tokens.map((_, i) => (
                <td key={i} class={state(i)}>
                  <span class="visually-hidden">{state(i).slice(3)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
