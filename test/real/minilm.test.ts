/**
 * all-MiniLM-L6-v2 against what transformers recorded of it: not the vectors alone, which a unit test compares, but every layer.
 */
import { expect, test } from 'vitest'
import { BertModel } from '../../src/models/index.js'
import { goldenTensors } from '../support/goldens.js'
import { weightsPath } from '../support/weights.js'

/** The oracle had the original float32 weights, ours are narrowed to float16: states of magnitude 10 differ by a few thousandths. */
const STATES = { abs: 5e-3, rel: 1e-3 }
const PROBABILITIES = { abs: 2e-3, rel: 0 }

test('every hidden state and attention of all-MiniLM-L6-v2 is the recorded one, but for the rounding of the weights', async () => {
  const golden = await goldenTensors('real/minilm/expected.safetensors')
  const model = await BertModel.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  const output = await model.forward(
    { inputIds: golden.ids('trace.input_ids') },
    { outputHiddenStates: true, outputAttentions: true },
  )
  const compare = (got: Iterable<number>, name: string, { abs, rel }: typeof STATES) => {
    const wanted = golden.float(name).toArray()
    const excess = [...got].map((value, i) => Math.abs(value - wanted[i]) - abs - rel * Math.abs(wanted[i]))
    expect(excess, name).toHaveLength(wanted.length)
    expect(Math.max(...excess), name).toBeLessThanOrEqual(0)
  }
  expect(output.hiddenStates).toHaveLength(7)
  output.hiddenStates!.forEach((state, i) => compare(state.toArray(), `trace.hidden_states.${i}`, STATES))
  expect(output.attentions).toHaveLength(6)
  output.attentions!.forEach((probs, i) => compare(probs.toArray(), `trace.attentions.${i}`, PROBABILITIES))
  compare(output.lastHiddenState.toArray(), 'trace.last_hidden_state', STATES)
  model.dispose()
})
