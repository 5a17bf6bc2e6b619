import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GRU, LSTM, Pass, Weights } from '../../src/layers/index.js'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { ALL_BACKENDS } from '../support/backends.js'
import { expectClose, goldenJson, goldenPath, goldenTensors, TOLERANCE } from '../support/goldens.js'

const FILE = ['ops', 'expected.safetensors'] as const
const { cases } = goldenJson<{ cases: { case: string; outputs: string[] }[] }>('ops', 'case.json')

/** [layers, batch, hidden] */
function stack(layers: readonly Float[]): Float {
  return Tensor.float32(
    layers.flatMap((layer) => layer.toArray()),
    [layers.length, ...layers[0].shape],
  )
}

describe.each(ALL_BACKENDS)('recurrent layers on $name', ({ create }) => {
  test.each(cases.filter(({ case: name }) => /^(lstm|gru)/.test(name)))(
    '$case gives the numbers of PyTorch',
    async ({ case: name, outputs }) => {
      const golden = await goldenTensors(...FILE)
      const backend = await create()
      const weights = new Weights(await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(...FILE)))), {
        backend,
      })
      weights.ignore(/./)
      const x = golden.float(`${name}.x`)
      const options = { inputSize: x.shape[2], hiddenSize: golden.float(`${name}.weight_hh_l0`).shape[1], numLayers: 2 }
      const isLstm = name.startsWith('lstm')
      const layer = new (isLstm ? LSTM : GRU)(weights.scope(name), options)
      await weights.load()
      const results = await Pass.run(backend, {}, async (pass, keep) => {
        const { output, hidden, ...rest } = await layer.forward(x, pass)
        const cell = 'cell' in rest ? [stack((rest as { cell: Float[] }).cell)] : []
        return [keep(output), stack(hidden), ...cell]
      })
      expect(results).toHaveLength(outputs.length)
      outputs.forEach((output, i) => expectClose(results[i], golden.float(output), TOLERANCE.ops, output))
    },
  )

  test('an input of another size is refused with both', async () => {
    const backend = await create()
    const weights = new Weights(await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(...FILE)))), {
      backend,
    })
    const layer = new GRU(weights.scope('gru'), { inputSize: 4, hiddenSize: 8, numLayers: 1 })
    const run = Pass.run(backend, {}, (pass) => layer.forward(Tensor.zeros('float32', [1, 2, 5]), pass))
    await expect(run).rejects.toThrow('recurrent: input [1, 2, 5] is not [batch, seq, 4]')
  })
})
