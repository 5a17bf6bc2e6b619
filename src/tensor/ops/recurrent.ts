/**
 * Recurrent layers, kept as the thing that attention replaced: they read a sequence one step at a time, so that step t cannot
 * begin before step t - 1 has ended. LSTM after Hochreiter and Schmidhuber 1997, GRU after Cho et al. 2014
 * (https://arxiv.org/abs/1406.1078), with PyTorch's weight layout and gate order.
 */
import { ShapeError } from '../../errors.js'
import { showShape } from '../shape.js'
import { output, rowMajor, type Float } from './float.js'
import { linear } from './matmul.js'

/** Weights of one layer; `gates` is 4 for an LSTM (i, f, g, o) and 3 for a GRU (r, z, n). */
export interface RecurrentWeights {
  /** [gates * hidden, input] */
  readonly inputWeight: Float
  /** [gates * hidden, hidden] */
  readonly hiddenWeight: Float
  /** [gates * hidden] */
  readonly inputBias: Float
  /** [gates * hidden] */
  readonly hiddenBias: Float
}

/** One LSTM layer from a zero state: x [batch, seq, input] -> output [batch, seq, hidden], last hidden and cell state [batch, hidden]. */
export function lstm(x: Float, weights: RecurrentWeights): { output: Float; hidden: Float; cell: Float } {
  const [batch, seq] = x.shape
  const size = hiddenSize('lstm', x, weights, 4)
  const fromInput = linear(x, weights.inputWeight, weights.inputBias) // [batch, seq, 4 * hidden]
  const result = output([batch, seq, size])
  const hidden = output([batch, size])
  const cell = output([batch, size])
  for (let step = 0; step < seq; step++) {
    const fromHidden = rowMajor(linear(hidden.tensor, weights.hiddenWeight, weights.hiddenBias)) // [batch, 4 * hidden]
    for (let item = 0; item < batch; item++) {
      const gates = (item * seq + step) * 4 * size
      const gate = (index: number, unit: number) =>
        fromInput.data[gates + index * size + unit] + fromHidden[(item * 4 + index) * size + unit]
      for (let unit = 0; unit < size; unit++) {
        const at = item * size + unit
        const kept = sigmoid(gate(1, unit)) * cell.data[at]
        cell.data[at] = kept + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit))
        hidden.data[at] = sigmoid(gate(3, unit)) * Math.tanh(cell.data[at])
        result.data[(item * seq + step) * size + unit] = hidden.data[at]
      }
    }
  }
  return { output: result.tensor, hidden: hidden.tensor, cell: cell.tensor }
}

/** One GRU layer from a zero state: x [batch, seq, input] -> output [batch, seq, hidden], last hidden state [batch, hidden]. */
export function gru(x: Float, weights: RecurrentWeights): { output: Float; hidden: Float } {
  const [batch, seq] = x.shape
  const size = hiddenSize('gru', x, weights, 3)
  const fromInput = linear(x, weights.inputWeight, weights.inputBias) // [batch, seq, 3 * hidden]
  const result = output([batch, seq, size])
  const hidden = output([batch, size])
  for (let step = 0; step < seq; step++) {
    const fromHidden = rowMajor(linear(hidden.tensor, weights.hiddenWeight, weights.hiddenBias)) // [batch, 3 * hidden]
    for (let item = 0; item < batch; item++) {
      const input = (index: number, unit: number) => fromInput.data[((item * seq + step) * 3 + index) * size + unit]
      const recurrent = (index: number, unit: number) => fromHidden[(item * 3 + index) * size + unit]
      for (let unit = 0; unit < size; unit++) {
        const at = item * size + unit
        const reset = sigmoid(input(0, unit) + recurrent(0, unit))
        const update = sigmoid(input(1, unit) + recurrent(1, unit))
        const candidate = Math.tanh(input(2, unit) + reset * recurrent(2, unit))
        hidden.data[at] = (1 - update) * candidate + update * hidden.data[at]
        result.data[(item * seq + step) * size + unit] = hidden.data[at]
      }
    }
  }
  return { output: result.tensor, hidden: hidden.tensor }
}

function hiddenSize(operation: string, x: Float, weights: RecurrentWeights, gates: number): number {
  const size = weights.hiddenWeight.shape[1]
  if (x.rank !== 3 || weights.hiddenWeight.shape[0] !== gates * size) {
    throw new ShapeError(
      operation,
      `input ${showShape(x.shape)} (expected [batch, seq, input]), hidden weight ${showShape(weights.hiddenWeight.shape)} (expected [${gates} * hidden, hidden])`,
    )
  }
  return size
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}
