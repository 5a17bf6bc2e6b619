/**
 * An LSTM beside attention on the same words. What an early word does to the last state has to survive every step in between; in an encoder
 * layer any token reaches any other at once.
 */
import { useMemo, useRef } from 'preact/hooks'
import type { RecurrentReading } from '../protocol.js'
import { fixed } from './digits.js'
import { HeatCanvas } from './heat-canvas.js'
import { usePalette } from './use-colours.js'

export interface RecurrentPanelProps {
  readonly reading: RecurrentReading
}

export function RecurrentPanel({ reading }: RecurrentPanelProps) {
  const { words, hiddenSize, states, influence, encoderInfluence, sequentialSteps, weights } = reading
  const element = useRef<HTMLElement>(null)
  const palette = usePalette(element)
  const strips = useMemo(
    () => words.map((_, i) => states.subarray(i * hiddenSize, (i + 1) * hiddenSize).map(shadeOfState)),
    [reading],
  )
  const most = Math.max(...influence, ...encoderInfluence) || 1
  return (
    <section class="recurrent-panel" ref={element} aria-label="An LSTM reads the same text">
      <p class="note">
        The LSTM reads one word after the other and carries all it knows in {hiddenSize} numbers. {weights}
      </p>
      <dl class="equation">
        <div>
          <dt>steps that must wait for each other, LSTM</dt>
          <dd>{sequentialSteps.lstm}</dd>
        </div>
        <div>
          <dt>encoder layers, all words at once</dt>
          <dd>{sequentialSteps.encoder}</dd>
        </div>
      </dl>
      <div class="recurrent-words" tabIndex={0} role="region" aria-label="States and influence of each word">
        <table>
          <caption>
            The state after each word, from −1 (paper) to 1 (full colour), and how far the last state moves when the
            word is left out, relative to its length: that of the LSTM, and that of the end mark in the reader's
            encoder.
          </caption>
          <thead>
            <tr>
              <th scope="col">word</th>
              <th scope="col">state, hidden size {hiddenSize}</th>
              <th scope="col" colSpan={2}>
                influence, LSTM
              </th>
              <th scope="col" colSpan={2}>
                influence, encoder
              </th>
            </tr>
          </thead>
          <tbody>
            {words.map((word, i) => (
              <tr key={i}>
                <th scope="row">{word}</th>
                <td>
                  <HeatCanvas weights={strips[i]} columns={hiddenSize} palette={palette} width={STRIP} height={14} />
                </td>
                <Influence value={influence[i]} most={most} />
                <Influence value={encoderInfluence[i]} most={most} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">
        What this shows: in the LSTM the way from a word to the end has as many steps as there are words after it; in
        attention it has one step in each layer, however far the word is. What it does not show: that this LSTM would
        answer worse. It was not trained for the task as the reader was.
      </p>
    </section>
  )
}

/** CSS pixels. */
const STRIP = 192

function Influence({ value, most }: { readonly value: number; readonly most: number }) {
  return (
    <>
      <td>
        <span class="bar" style={{ '--share': value / most }} />
      </td>
      <td class="number">{fixed(value)}</td>
    </>
  )
}

/** A state from -1 to 1 as the weight that the scale draws halfway where the state is 0; the scale takes the square root. */
function shadeOfState(state: number): number {
  return ((state + 1) / 2) ** 2
}
