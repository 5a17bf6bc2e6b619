/**
 * Patches against what else gives the same: a checkpoint with zeros where a head's weights were, an attention mask, arithmetic by
 * hand, or the run that activations were taken from.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { InputError, ShapeError } from '../../src/errors.js'
import { BertModel } from '../../src/models/bert.js'
import { GPT2LMHeadModel } from '../../src/models/gpt2.js'
import { T5ForConditionalGeneration } from '../../src/models/t5.js'
import { SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import {
  ablateHead,
  knockOutEdge,
  patchFrom,
  record,
  replaceWith,
  steer,
  type HooksLike,
} from '../../src/trace/index.js'
import { BACKENDS } from '../support/backends.js'
import { changedFolder } from '../support/folders.js'
import { expectClose, goldenPath, TOLERANCE } from '../support/goldens.js'

const HEAD_DIM = 8
const T5 = 't5/v1_1-gated-untied'
const GPT2 = 'gpt2/base'

async function weight(folder: string, name: string): Promise<Float> {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors'))))
  return (await file.tensor(name)).to('float32')
}

/** The golden folder with one of its weights changed. */
async function withWeight(folder: string, name: string, change: (weight: Float) => void) {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors'))))
  const tensors = await Promise.all([...file.tensors.keys()].map(async (one) => [one, await file.tensor(one)] as const))
  const changed = tensors.map(([one, tensor]) => {
    if (one !== name) return [one, tensor] as const
    const copy = (tensor as Float).copy()
    change(copy)
    return [one, copy] as const
  })
  return changedFolder(goldenPath(folder), 'model.safetensors', writeSafetensors(changed, { format: 'pt' }))
}

const last = (tensor: Float) => tensor.slice(1, -1).toArray()
const allButLast = (tensor: Float) => tensor.slice(1, 0, -1).toArray()

describe.each(BACKENDS)('patches on $name', ({ create }) => {
  let t5: T5ForConditionalGeneration
  let gpt2: GPT2LMHeadModel
  const t5Inputs = { inputIds: [[5, 6, 7, 8], [9, 10, 11, 12]], decoderInputIds: [[0, 9, 10], [0, 3, 4]] } // prettier-ignore
  const gpt2Inputs = { inputIds: [[5, 6, 7, 8, 9]] }
  const ofT5 = async (hooks: HooksLike) => (await t5.forward(t5Inputs, { hooks })).logits
  const ofGpt2 = async (hooks: HooksLike, inputIds = gpt2Inputs.inputIds) =>
    (await gpt2.forward({ inputIds }, { hooks })).logits
  beforeAll(async () => {
    t5 = await T5ForConditionalGeneration.fromPretrained(goldenPath(T5), { backend: await create() })
    gpt2 = await GPT2LMHeadModel.fromPretrained(goldenPath(GPT2), { backend: await create() })
  })

  describe('ablateHead', () => {
    test('by zero: as if the columns of the output projection that read the head were zero', async () => {
      const name = 'decoder.block.1.layer.1.EncDecAttention.o.weight' // [dModel, heads * headDim]
      const folder = await withWeight(T5, name, ({ data, shape: [rows, columns] }) => {
        for (let row = 0; row < rows; row++) data.fill(0, row * columns + 2 * HEAD_DIM, row * columns + 3 * HEAD_DIM)
      })
      const without = await T5ForConditionalGeneration.fromPretrained(folder, { backend: await create() })
      const wanted = (await without.forward(t5Inputs)).logits
      expectClose(await ofT5(ablateHead('decoder.1.cross_attention', 2)), wanted, TOLERANCE.states, 'logits')
      expect((await t5.forward(t5Inputs)).logits.toArray()).not.toEqual(wanted.toArray())
    })

    test('by zero, in a generation: writes what the checkpoint without the head writes', async () => {
      const folder = await withWeight(GPT2, 'transformer.h.0.attn.c_proj.weight', ({ data, shape: [, columns] }) => {
        data.fill(0, 0, HEAD_DIM * columns) // Conv1D: [heads * headDim, dimension], of head 0
      })
      const without = await GPT2LMHeadModel.fromPretrained(folder, { backend: await create() })
      const options = { maxNewTokens: 8, numBeams: 3 }
      const { sequences } = await gpt2.generate(gpt2Inputs, { ...options, hooks: ablateHead('decoder.0.self_attention', 0) }) // prettier-ignore
      expect(sequences).toEqual((await without.generate(gpt2Inputs, options)).sequences)
      expect(sequences).not.toEqual((await gpt2.generate(gpt2Inputs, options)).sequences)
    })

    test('by its mean or a tensor; only the head is touched', async () => {
      const point = 'encoder.0.self_attention.context'
      const contextOf = async (...hooks: HooksLike[]) =>
        (await record((recorder) => t5.forward(t5Inputs, { hooks: [...hooks, recorder] }), [point])).trace.get(
          point,
        )![0]
      const before = await contextOf()
      const after = await contextOf(ablateHead('encoder.0.self_attention', 1, { by: 'mean' }))
      const mean = Array.from({ length: HEAD_DIM }, (_, i) => {
        const values = before.select(1, 1).select(2, i).toArray() // over rows and positions
        return values.reduce((sum, value) => sum + value, 0) / values.length
      })
      const row = after.select(1, 1).select(0, 1).select(0, 2)
      expectClose(row.copy(), Tensor.float32(mean), TOLERANCE.states, 'mean')
      expect(after.select(1, 0).toArray()).toEqual(before.select(1, 0).toArray())
      expect(after.slice(1, 2).toArray()).toEqual(before.slice(1, 2).toArray())

      const by = Tensor.float32([1, 2, 3, 4, 5, 6, 7, 8])
      const placed = await contextOf(ablateHead('encoder.0.self_attention', 1, { by, rows: [1], positions: [3] }))
      expect(placed.select(0, 1).select(0, 1).select(0, 3).toArray()).toEqual(by.toArray())
      expect(placed.select(0, 0).toArray()).toEqual(before.select(0, 0).toArray())
      expect(placed.slice(2, 0, 3).toArray()).toEqual(before.slice(2, 0, 3).toArray())
    })

    test('refuses what is not there', async () => {
      await expect(ofT5(ablateHead('decoder.0.cross_attention', 4))).rejects.toThrow(
        'decoder.0.cross_attention.context: there is no head 4 of 4',
      )
      await expect(ofT5(ablateHead('decoder.9.cross_attention', 0))).rejects.toBeInstanceOf(InputError)
      const step = gpt2.generate(gpt2Inputs, {
        hooks: ablateHead('decoder.0.self_attention', 0, { by: 'mean' }),
        maxNewTokens: 3,
      })
      await expect(step).rejects.toThrow('has one row and one position here, whose mean is itself')
      const by = Tensor.float32([1, 2, 3])
      const wrong = ofT5(ablateHead('decoder.0.cross_attention', 0, { by }))
      await expect(wrong).rejects.toBeInstanceOf(ShapeError)
      await expect(wrong).rejects.toThrow('decoder.0.cross_attention.context: [3] does not broadcast to [2, 3, 8]')
    })
  })

  describe('knockOutEdge', () => {
    test('of one key for every query is what the attention mask does', async () => {
      const bert = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: await create() })
      const inputIds = [[5, 6, 7, 8], [9, 10, 11, 12]] // prettier-ignore
      const masked = await bert.forward({ inputIds, attentionMask: [[1, 1, 0, 1], [1, 1, 1, 1]] }) // prettier-ignore
      const hooks = knockOutEdge('encoder.*.self_attention', { key: 2, row: 0 })
      const knockedOut = await bert.forward({ inputIds }, { hooks })
      expectClose(knockedOut.lastHiddenState, masked.lastHiddenState, TOLERANCE.states, 'states')
    })

    test('gives its probability to the other keys of that query and head alone', async () => {
      const point = 'decoder.0.cross_attention.probs'
      const probsOf = async (hooks: HooksLike) =>
        (await record((recorder) => t5.forward(t5Inputs, { hooks: [hooks, recorder] }), [point])).trace.get(point)![0]
      const before = await probsOf([])
      const after = await probsOf(knockOutEdge('decoder.0.cross_attention', { query: 2, key: 1, head: 3, row: 1 }))
      const cell = (probs: Float) => probs.select(0, 1).select(0, 3).select(0, 2).toArray()
      const [, gone] = cell(before)
      const wanted = cell(before).map((p, key) => (key === 1 ? 0 : p / (1 - gone)))
      expectClose(Tensor.float32(cell(after)), Tensor.float32(wanted), TOLERANCE.probabilities, 'probs')
      expect(after.select(0, 0).toArray()).toEqual(before.select(0, 0).toArray())
      expect(after.slice(1, 0, 3).toArray()).toEqual(before.slice(1, 0, 3).toArray())
      expect(after.slice(2, 0, 2).toArray()).toEqual(before.slice(2, 0, 2).toArray())
    })

    test('in a beam search, positions are those of the text and each beam has its own', async () => {
      const hooks = [
        knockOutEdge('decoder.*.cross_attention', { query: 2, key: 1 }),
        knockOutEdge('decoder.*.self_attention', { query: 3, key: 0 }),
      ]
      const source = { inputIds: [[5, 6, 7, 8]] }
      const { sequences, logProbs } = await t5.generate(source, {
        hooks,
        numBeams: 3,
        maxNewTokens: 6,
        minNewTokens: 6,
      })
      const { logits } = await t5.forward({ ...source, decoderInputIds: [sequences[0].slice(0, -1)] }, { hooks })
      const wanted = sequences[0].slice(1).map((token, t) => {
        const row = logits.select(0, 0).select(0, t).toArray()
        return row[token] - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      })
      expectClose(Tensor.float32(logProbs[0]), Tensor.float32(wanted), TOLERANCE.states, 'log-probabilities')
    })

    test('refuses what is not there, and to leave a query nothing to look at', async () => {
      const knock = (edge: Parameters<typeof knockOutEdge>[1]) => ofGpt2(knockOutEdge('decoder.0.self_attention', edge))
      await expect(knock({ query: 0, key: 0 })).rejects.toThrow('a query sees no other key than 0')
      await expect(knock({ query: 1, key: 5 })).rejects.toThrow('has keys 0 to 4, not 5')
      await expect(knock({ query: 5, key: 0 })).rejects.toThrow('there is no position 5 of 5')
      await expect(knock({ query: 1, key: 0, head: 4 })).rejects.toThrow('there is no head 4 of 4')
      await expect(knock({ query: 1, key: 0, row: 1 })).rejects.toThrow('there is no row 1 of 1')
    })
  })

  test('steer at the last norm moves the logits by the head times the vector, at the positions that are named', async () => {
    const direction = Tensor.float32(Array.from({ length: 32 }, (_, i) => Math.sin(i)))
    const head = await weight(T5, 'lm_head.weight') // [vocabulary, dModel]
    const [vocabulary] = head.shape
    const plain = await ofT5([])
    const steered = await ofT5(steer('decoder.final_norm', direction, { strength: 2, positions: [1] }))
    const wanted = plain.copy()
    for (let row = 0; row < 2; row++) {
      for (let token = 0; token < vocabulary; token++) {
        const dot = head.select(0, token).toArray().reduce((sum, w, i) => sum + w * direction.data[i], 0) // prettier-ignore
        wanted.data[(row * 3 + 1) * vocabulary + token] += 2 * dot
      }
    }
    expectClose(steered, wanted, TOLERANCE.states, 'logits')
  })

  test('replaceWith puts a tensor, repeated where it is smaller, in the place of what passes', async () => {
    const { logits } = await t5.forward(t5Inputs, { hooks: replaceWith('logits', Tensor.float32([7])) })
    expect(new Set(logits.toArray())).toEqual(new Set([7]))
    const error = ofT5(replaceWith('decoder.0.resid_pre', Tensor.float32([1, 2, 3])))
    await expect(error).rejects.toThrow('decoder.0.resid_pre: [3] does not broadcast to [2, 3, 32]')
    await expect(ofT5(replaceWith('decoder.0.resid_pre', Tensor.float32([1]), { heads: [0] }))).rejects.toThrow(
      'decoder.0.resid_pre: [batch, query, 32] has no heads',
    )
    await expect(ofT5(replaceWith('decoder.position_bias', Tensor.float32([1]), { rows: [0] }))).rejects.toThrow(
      'is one for several rows',
    )
  })

  describe('patchFrom', () => {
    const other = [[5, 60, 7, 80, 9]]
    const recordOther = async () =>
      (await record((hooks) => gpt2.forward({ inputIds: other }, { hooks }), ['decoder.*.resid_*'])).trace

    test('of the whole residual stream after a layer gives exactly the logits of the other run', async () => {
      const trace = await recordOther()
      const theirs = await ofGpt2([], other)
      for (const name of trace.keys()) {
        expect((await ofGpt2(patchFrom(trace, [name]))).toArray(), name).toEqual(theirs.toArray())
      }
    })

    test('at one position changes that position, and in an earlier layer those after it', async () => {
      const trace = await recordOther()
      const [mine, theirs] = [await ofGpt2([]), await ofGpt2([], other)]
      const atEnd = await ofGpt2(patchFrom(trace, ['decoder.1.resid_post'], { positions: [4] }))
      expect(last(atEnd)).toEqual(last(theirs))
      expect(allButLast(atEnd)).toEqual(allButLast(mine))
      const before = await ofGpt2(patchFrom(trace, ['decoder.0.resid_pre'], { positions: [1, 3] }))
      expect(before.toArray()).toEqual(theirs.toArray()) // the texts differ at these two places alone
    })

    test('step by step in a generation: the text of the other source is written', async () => {
      const generate = (inputIds: number[][], hooks: HooksLike) => t5.generate({ inputIds }, { hooks, maxNewTokens: 6, numBeams: 2 }) // prettier-ignore
      const theirs = await record((hooks) => generate([[70, 80, 90]], hooks), ['decoder.*.resid_post'])
      const patched = await generate([[5, 6, 7]], patchFrom(theirs.trace))
      expect(patched.sequences).toEqual(theirs.output.sequences)
      expect(patched.sequences).not.toEqual((await generate([[5, 6, 7]], [])).sequences)
    })

    test('refuses traces of other points, kinds of runs and shapes', async () => {
      const trace = await recordOther()
      expect(() => patchFrom(trace, ['logits'])).toThrow(InputError)
      await expect(gpt2.generate(gpt2Inputs, { hooks: patchFrom(trace) })).rejects.toThrow(
        'the trace has 0 tensors of decoder.0.resid_pre in step 0 of a generation, one is needed',
      )
      await expect(ofGpt2(patchFrom(trace, ['decoder.0.resid_mid']), [[1, 2]])).rejects.toThrow(
        'decoder.0.resid_mid: [1, 5, 32] was recorded, [1, 2, 32] passes here',
      )
    })
  })
})
