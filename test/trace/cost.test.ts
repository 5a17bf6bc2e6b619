/**
 * What nobody looks at costs nothing: without hooks a pass calls the fused kernels and no others, and tensors go past their points as
 * they are.
 */
import { expect, test } from 'vitest'
import { referenceBackend, type Backend, type Kernels } from '../../src/backends/index.js'
import { Pass } from '../../src/layers/index.js'
import { T5ForConditionalGeneration } from '../../src/models/t5.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { CLEAR, glassOf, type HooksLike } from '../../src/trace/index.js'
import { goldenPath } from '../support/goldens.js'

/** The reference backend, which notes the kernels that are asked for. */
function noting(calls: string[]): Backend {
  const backend = referenceBackend()
  const noted = (kernels: Kernels): Kernels => {
    const scope: Kernels['scope'] = (x, part) => part(x, own)
    const own: Kernels = new Proxy(kernels, {
      get: (target, name: keyof Kernels) => {
        calls.push(name)
        return name === 'scope' ? scope : target[name]
      },
    })
    return own
  }
  return { ...backend, run: (part) => backend.run(({ kernels, keep }) => part({ kernels: noted(kernels), keep })) }
}

async function kernelsOf(hooks: HooksLike | undefined): Promise<Map<string, number>> {
  const calls: string[] = []
  const folder = goldenPath('t5/v1_0-relu-tied')
  const model = await T5ForConditionalGeneration.fromPretrained(folder, { backend: noting(calls) })
  await model.forward({ inputIds: [[5, 6, 7]], decoderInputIds: [[0, 9]] }, { hooks })
  return new Map([...new Set(calls)].map((name) => [name, calls.filter((call) => call === name).length]))
}

test('without hooks, or with empty ones, attention is fused and nothing is computed to be seen', async () => {
  const plain = await kernelsOf(undefined)
  expect(plain.get('attention')).toBe(6) // two layers with one attention, two with two
  expect(plain.get('linear')).toBe(6 * 4 + 4 * 2 + 1) // four projections each, two of each feed-forward block, the head
  for (const open of ['matmul', 'softmax', 'activate', 'multiply']) expect(plain.has(open), open).toBe(false)
  for (const hooks of [{}, [], [{}, []]]) expect(await kernelsOf(hooks)).toEqual(plain)
})

test('a hook opens the attention that it looks at, and no other', async () => {
  const watched = await kernelsOf({ 'decoder.1.cross_attention.probs': () => {} })
  expect(watched.get('attention')).toBe(5)
  expect(watched.get('softmax')).toBe(1)
})

test('where nobody looks, a point gives back the very tensor, and at once', async () => {
  expect(glassOf({}, [])).toBe(CLEAR)
  await Pass.run(referenceBackend(), {}, async (pass) => {
    const tensor = Tensor.float32([1, 2])
    expect(pass.show({ name: 'somewhere', shape: [2] }, tensor)).toBe(tensor)
  })
})
