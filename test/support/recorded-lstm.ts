/**
 * The LSTM layer over some words with random weights, and how far its last state moves when a word is left out: a RecurrentReading of
 * real numbers for the tests of the page.
 */
import { referenceBackend } from '../../src/index.js'
import { LSTM, Pass, Weights } from '../../src/layers/index.js'
import { SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import type { RecurrentReading } from '../../web/protocol.js'
import { randomNumbers, randomTensor } from './random.js'

const SIZE = 24

export async function recordLstm(words: readonly string[]): Promise<RecurrentReading> {
  const next = randomNumbers(7)
  const gates = 4 * SIZE
  const file = writeSafetensors([
    ['lstm.weight_ih_l0', randomTensor(next, [gates, SIZE], 0.4)],
    ['lstm.weight_hh_l0', randomTensor(next, [gates, SIZE], 0.4)],
    ['lstm.bias_ih_l0', randomTensor(next, [gates], 0.4)],
    ['lstm.bias_hh_l0', randomTensor(next, [gates], 0.4)],
  ])
  const backend = referenceBackend()
  const weights = new Weights(await SafetensorsFile.open(file), { backend })
  const lstm = new LSTM(weights.scope('lstm'), { inputSize: SIZE, hiddenSize: SIZE, numLayers: 1 })
  await weights.load()
  const vectors = words.map(() => Array.from({ length: SIZE }, next))
  const read = async (rows: readonly number[][]) => {
    const x = Tensor.float32(rows.flat(), [1, rows.length, SIZE])
    const states = await Pass.run(backend, {}, async (pass, keep) => keep((await lstm.forward(x, pass)).output))
    return Float32Array.from(states.toArray()) // [words, hidden]
  }
  const states = await read(vectors)
  const last = states.subarray(-SIZE)
  const influence = new Float32Array(words.length)
  for (const i of words.keys()) {
    const without = (await read(vectors.filter((_, other) => other !== i))).subarray(-SIZE)
    influence[i] = Math.hypot(...last.map((x, j) => x - without[j])) / Math.hypot(...last)
  }
  return {
    ...{ words, hiddenSize: SIZE, states, influence },
    sequentialSteps: { lstm: words.length, encoder: 4 },
    weights: 'Its weights are random.',
  }
}
