/**
 * Rotary position embedding, Su et al. 2021, https://arxiv.org/abs/2104.09864, in the half-split order of Llama: element i
 * and element i + headDim/2 of a head form the pair that turns by the angle position * frequency[i].
 */
import { ShapeError } from '../../errors.js'
import type { Ids } from './gather.js'
import { showShape } from '../shape.js'
import { output, rowMajor, type Float } from './float.js'

/** The smoothing of low frequencies that Llama 3.1 uses to reach longer contexts ("rope_type": "llama3"). */
export interface Llama3Scaling {
  readonly factor: number
  readonly lowFrequencyFactor: number
  readonly highFrequencyFactor: number
  readonly originalMaxPositions: number
}

/** What each frequency is divided by, [headDim / 2]: a GGUF has numbers in place of the rule that they come from. */
export interface RotaryFactors {
  readonly factors: readonly number[]
}

/** How the frequencies are slowed, to reach longer contexts. */
export type RotaryScaling = Llama3Scaling | RotaryFactors

/** Angles per position in radians, one for each pair of a head: theta^(-2i/headDim), [headDim / 2]. */
export function rotaryFrequencies(headDim: number, theta: number, scaling?: RotaryScaling): Float32Array {
  const frequencies = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / theta ** ((2 * i) / headDim))
  if (scaling === undefined) return frequencies
  if ('factors' in scaling) return frequencies.map((frequency, i) => frequency / scaling.factors[i])
  return frequencies.map((frequency) => smooth(frequency, scaling))
}

function smooth(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI) // full turns over the original context
  if (turns < lowFrequencyFactor) return frequency / factor
  if (turns > highFrequencyFactor) return frequency
  const share = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
  return (1 - share) * (frequency / factor) + share * frequency
}

/** Cosines and sines of the angles at some positions, each [batch, seq, headDim / 2]. */
export interface RotaryTable {
  readonly cos: Float
  readonly sin: Float
}

/** The table for positions [batch, seq]. */
export function rotaryTable(positions: Ids, frequencies: Float32Array): RotaryTable {
  const shape = [...positions.shape, frequencies.length]
  const cos = output(shape)
  const sin = output(shape)
  let out = 0
  for (const at of positions.positions()) {
    for (const frequency of frequencies) {
      const angle = Math.fround(positions.data[at] * frequency)
      cos.data[out] = Math.cos(angle)
      sin.data[out++] = Math.sin(angle)
    }
  }
  return { cos: cos.tensor, sin: sin.tensor }
}

/** Turns each head of x, [batch, heads, seq, headDim], by the angles of its position. */
export function rotate(x: Float, table: RotaryTable): Float {
  const [batch, heads, seq, headDim] = x.shape
  const half = headDim / 2
  if (x.rank !== 4 || table.cos.shape.at(-1) !== half || table.cos.shape.at(-2) !== seq) {
    throw new ShapeError('rotate', `input ${showShape(x.shape)} does not fit the table ${showShape(table.cos.shape)}`)
  }
  const cos = rowMajor(table.cos.broadcastTo([batch, seq, half]))
  const sin = rowMajor(table.sin.broadcastTo([batch, seq, half]))
  const source = rowMajor(x)
  const { tensor, data } = output(x.shape)
  for (let row = 0; row < batch * heads * seq; row++) {
    const item = Math.floor(row / (heads * seq))
    const angles = (item * seq + (row % seq)) * half
    const start = row * headDim
    for (let i = 0; i < half; i++) {
      const first = source[start + i]
      const second = source[start + half + i]
      data[start + i] = first * cos[angles + i] - second * sin[angles + i]
      data[start + half + i] = second * cos[angles + i] + first * sin[angles + i]
    }
  }
  return tensor
}
