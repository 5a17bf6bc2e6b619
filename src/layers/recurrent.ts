/**
 * Recurrent layers, for the comparison: what attention replaced. They read a sequence one step at a time and carry all that they
 * know in a state of fixed size, so step t cannot begin before step t - 1 has ended, whereas attention computes all positions at
 * once. Several layers lie on each other; weights have PyTorch's names (`weight_ih_l0`, `weight_hh_l0`, …) and gate order.
 */
import type { PackedMatrix } from '../backends/index.js'
import { ShapeError } from '../errors.js'
import { showShape } from '../tensor/shape.js'
import type { Float } from '../tensor/ops/index.js'
import { output } from '../tensor/ops/float.js'
import type { Pass } from './pass.js'
import type { Parameter, WeightScope } from './weights.js'

export interface RecurrentOptions {
  readonly inputSize: number
  readonly hiddenSize: number
  readonly numLayers: number
}

/** What a layer remembers between two steps, each [batch, hiddenSize]; only an LSTM has a cell. */
interface State {
  readonly hidden: Float
  readonly cell: Float
}

interface LayerWeights {
  /** [gates * hiddenSize, inputSize] and a bias */
  readonly input: Parameter<PackedMatrix>
  /** [gates * hiddenSize, hiddenSize] and a bias */
  readonly hidden: Parameter<PackedMatrix>
}

abstract class Recurrent {
  readonly #layers: readonly LayerWeights[]
  readonly #options: RecurrentOptions

  constructor(weights: WeightScope, options: RecurrentOptions, gates: number) {
    const { inputSize, hiddenSize, numLayers } = options
    const rows = gates * hiddenSize
    this.#options = options
    this.#layers = Array.from({ length: numLayers }, (_, i) => ({
      input: weights.matrix(`weight_ih_l${i}`, [rows, i === 0 ? inputSize : hiddenSize], {
        use: 'linear',
        bias: `bias_ih_l${i}`,
      }),
      hidden: weights.matrix(`weight_hh_l${i}`, [rows, hiddenSize], { use: 'linear', bias: `bias_hh_l${i}` }),
    }))
  }

  /** The next state, from the gates' shares of the input and of the last hidden state, each [batch, gates * hiddenSize]. */
  protected abstract step(fromInput: Float, fromHidden: Float, last: State, pass: Pass): State

  /** From a state of zeros: x [batch, seq, inputSize] -> the last layer's states and every layer's last one. */
  protected async run(x: Float, pass: Pass): Promise<{ output: Float; last: readonly State[] }> {
    const { inputSize, hiddenSize } = this.#options
    if (x.rank !== 3 || x.shape[2] !== inputSize) {
      throw new ShapeError('recurrent', `input ${showShape(x.shape)} is not [batch, seq, ${inputSize}]`)
    }
    const { kernels } = pass
    const [batch, seq] = x.shape
    const last: State[] = []
    let states = x // [batch, seq, inputSize or hiddenSize]
    for (const { input, hidden } of this.#layers) {
      const fromInput = await kernels.linear(states, input.value) // [batch, seq, gates * hiddenSize], all steps at once
      states = output([batch, seq, hiddenSize]).tensor
      let state: State = { hidden: output([batch, hiddenSize]).tensor, cell: output([batch, hiddenSize]).tensor }
      for (let step = 0; step < seq; step++) {
        const fromHidden = await kernels.linear(state.hidden, hidden.value) // [batch, gates * hiddenSize]
        state = this.step(fromInput.select(1, step), fromHidden, state, pass)
        await kernels.fetch(state.hidden)
        kernels.copyInto(states.select(1, step), state.hidden)
      }
      last.push(state)
    }
    return { output: states, last }
  }

  /** Gate `index` of [batch, gates * hiddenSize]: [batch, hiddenSize], a view. */
  protected gate(gates: Float, index: number): Float {
    const { hiddenSize } = this.#options
    return gates.slice(1, index * hiddenSize, (index + 1) * hiddenSize)
  }
}

/**
 * Long short-term memory: a cell that is written through an input gate, kept through a forget gate and shown through an output gate.
 * Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735.
 */
export class LSTM extends Recurrent {
  constructor(weights: WeightScope, options: RecurrentOptions) {
    super(weights, options, 4)
  }

  /** x [batch, seq, inputSize] -> output [batch, seq, hiddenSize], hidden and cell of each layer after the last step [batch, hiddenSize] */
  async forward(x: Float, pass: Pass): Promise<{ output: Float; hidden: readonly Float[]; cell: readonly Float[] }> {
    const { output, last } = await this.run(x, pass)
    return { output, hidden: last.map(({ hidden }) => hidden), cell: last.map(({ cell }) => cell) }
  }

  protected override step(fromInput: Float, fromHidden: Float, last: State, { kernels }: Pass): State {
    const gates = kernels.add(fromInput, fromHidden)
    const written = kernels.activate(this.gate(gates, 0), 'sigmoid')
    const kept = kernels.activate(this.gate(gates, 1), 'sigmoid')
    const candidate = kernels.activate(this.gate(gates, 2), 'tanh')
    const shown = kernels.activate(this.gate(gates, 3), 'sigmoid')
    const cell = kernels.add(kernels.multiply(kept, last.cell), kernels.multiply(written, candidate))
    return { cell, hidden: kernels.multiply(shown, kernels.activate(cell, 'tanh')) }
  }
}

/**
 * Gated recurrent unit: no cell; the update gate mixes the last state with a candidate, for which the reset gate decides how much
 * of the last state counts. Cho et al. 2014, https://arxiv.org/abs/1406.1078.
 */
export class GRU extends Recurrent {
  constructor(weights: WeightScope, options: RecurrentOptions) {
    super(weights, options, 3)
  }

  /** x [batch, seq, inputSize] -> output [batch, seq, hiddenSize], hidden state of each layer after the last step [batch, hiddenSize] */
  async forward(x: Float, pass: Pass): Promise<{ output: Float; hidden: readonly Float[] }> {
    const { output, last } = await this.run(x, pass)
    return { output, hidden: last.map(({ hidden }) => hidden) }
  }

  protected override step(fromInput: Float, fromHidden: Float, last: State, { kernels }: Pass): State {
    const sum = (index: number) => kernels.add(this.gate(fromInput, index), this.gate(fromHidden, index))
    const reset = kernels.activate(sum(0), 'sigmoid')
    const update = kernels.activate(sum(1), 'sigmoid')
    const recalled = kernels.multiply(reset, this.gate(fromHidden, 2))
    const candidate = kernels.activate(kernels.add(this.gate(fromInput, 2), recalled), 'tanh')
    const change = kernels.add(last.hidden, kernels.scale(candidate, -1))
    return { cell: last.cell, hidden: kernels.add(candidate, kernels.multiply(update, change)) }
  }
}
