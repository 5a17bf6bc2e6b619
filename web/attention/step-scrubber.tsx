/**
 * Going through the decoding steps: a slider, a step back and forth, and playing. Each step reads the tokens written so far and writes
 * one. Nothing plays by itself, and nothing plays where the system asks for less motion.
 */
import { useEffect, useState } from 'preact/hooks'
import type { Step, Token } from '../protocol.js'
import { fixed } from './digits.js'
import { tokenLabel, tokenName } from './tokens.js'
import { useReducedMotion } from './use-reduced-motion.js'

export interface StepScrubberProps {
  readonly steps: readonly Step[]
  /** What the decoder reads, start token first: step t has read the tokens up to t. */
  readonly target: readonly Token[]
  readonly step: number
  readonly onStep: (step: number) => void
}

/** Milliseconds that a step is shown for. */
const PACE = 900

export function StepScrubber({ steps, target, step, onStep }: StepScrubberProps) {
  const [isPlaying, setPlaying] = useState(false)
  const isReduced = useReducedMotion()
  const last = steps.length - 1
  const isRunning = isPlaying && !isReduced && step < last
  useEffect(() => {
    if (!isRunning) return
    const timer = setTimeout(() => onStep(step + 1), PACE)
    return () => clearTimeout(timer)
  }, [isRunning, step, onStep])
  useEffect(() => {
    if (step === last) setPlaying(false)
  }, [step, last])

  const play = () => {
    if (step === last) onStep(0)
    setPlaying(!isRunning)
  }
  const go = (to: number) => {
    setPlaying(false)
    onStep(to)
  }
  const { chosen } = steps[step]
  return (
    <section class="step-scrubber" aria-label="Decoding steps">
      <div class="step-controls">
        <button type="button" onClick={() => go(step - 1)} disabled={step === 0} aria-label="One step back">
          ◀
        </button>
        <button
          type="button"
          class="step-play"
          onClick={play}
          disabled={isReduced}
          title={isReduced ? 'Your system asks for less motion; use the slider.' : undefined}
        >
          {isRunning ? 'Pause' : 'Play'}
        </button>
        <button type="button" onClick={() => go(step + 1)} disabled={step === last} aria-label="One step on">
          ▶
        </button>
        <label>
          <span>
            Step {step + 1} of {steps.length}
          </span>
          <input
            type="range"
            min={0}
            max={last}
            value={step}
            aria-valuetext={`step ${step + 1}, writes ${tokenName(chosen)}`}
            onInput={(event) => go(event.currentTarget.valueAsNumber)}
          />
        </label>
      </div>
      <p class="tokens step-tokens" aria-label="Tokens written so far">
        {steps.map((one, i) => (
          <span key={i} class={tokenState(i, step)} aria-hidden={i > step}>
            {tokenLabel(one.chosen)}
          </span>
        ))}
      </p>
      <p class="note">
        Reads {step + 1} {step === 0 ? 'token' : 'tokens'}, the last of them <q>{tokenLabel(target[step])}</q>; writes{' '}
        <q>{tokenLabel(chosen)}</q> with probability {fixed(chosen.probability)}.
      </p>
    </section>
  )
}

function tokenState(index: number, step: number): string {
  if (index === step) return 'token is-apart is-new'
  return index < step ? 'token is-apart' : 'token is-apart is-later'
}
