/**
 * What a trace says of its tensors: how much it may hold, and of which step and row each is. The oracle for the rows of a search is one
 * forward pass over the sequence that was found.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { InputError, ShapeError } from '../../src/errors.js'
import { GPT2LMHeadModel } from '../../src/models/gpt2.js'
import { T5ForConditionalGeneration } from '../../src/models/t5.js'
import { RagTokenForGeneration } from '../../src/rag/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { historyOf, record, rowWriting, type Trace } from '../../src/trace/index.js'
import { BACKENDS } from '../support/backends.js'
import { expectClose, goldenCase, goldenPath, TOLERANCE } from '../support/goldens.js'

const STATE = 'decoder.1.resid_post'
const SELF = 'decoder.0.self_attention.probs'
const CROSS = 'decoder.1.cross_attention.probs'

/** At every step, the row that wrote the sequence has what one pass over the whole sequence has at that place. Returns the rows. */
function expectRowsOf(trace: Trace, whole: Trace, { sequence, input }: { sequence: readonly number[]; input: number }) {
  return trace.get(STATE)!.flatMap((state, t): number[] => {
    const row = rowWriting(state.step!, sequence, input)
    if (row === undefined) return []
    const at = (name: string, axis: number, place: number) =>
      whole
        .get(name)![0]
        .select(0, 0)
        .slice(axis, place, place + 1)
        .copy()
    expectClose(state.row(row).slice(0, -1).copy(), at(STATE, 0, state.step!.start), TOLERANCE.states, `${STATE}, ${t}`)
    const self = trace.get(SELF)![t].row(row)
    const seen = at(SELF, 1, state.step!.start).slice(2, 0, self.shape[2]).copy()
    expectClose(self.slice(1, -1).copy(), seen, TOLERANCE.probabilities, `${SELF}, ${t}`)
    const cross = trace.get(CROSS)?.[t]
    if (cross) expectClose(cross.row(row).copy(), at(CROSS, 1, t), TOLERANCE.probabilities, `${CROSS}, ${t}`)
    return [row]
  })
}

describe.each(BACKENDS)('record on $name', ({ create }) => {
  let t5: T5ForConditionalGeneration
  let gpt2: GPT2LMHeadModel
  const inputs = { inputIds: [[5, 6, 7, 8]], decoderInputIds: [[0, 9, 10]] }
  beforeAll(async () => {
    t5 = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), { backend: await create() })
    gpt2 = await GPT2LMHeadModel.fromPretrained(goldenPath('gpt2/base'), { backend: await create() })
  })

  test('refuses what is more than maxBytes, and the run ends there', async () => {
    const bytes = 2 * (3 * 32 * 4) // two tensors [1, 3, 32] of float32
    const points = ['decoder.0.resid_pre', 'decoder.0.resid_post']
    const run = (maxBytes: number, after: () => void = () => {}) =>
      record((hooks) => t5.forward(inputs, { hooks: [hooks, { 'decoder.1.resid_pre': after }] }), points, { maxBytes })
    expect((await run(bytes)).trace.size).toBe(2)
    let wentOn = false
    const error = run(bytes - 1, () => (wentOn = true) as never)
    await expect(error).rejects.toBeInstanceOf(InputError)
    await expect(error).rejects.toThrow(
      `record: with decoder.0.resid_post [1, 3, 32] the trace takes ${bytes} bytes, maxBytes is ${bytes - 1}`,
    )
    expect(wentOn).toBe(false)
  })

  test('keeps the part that is asked for, and counts only that', async () => {
    const run = (keep: (tensor: Float) => Float | undefined) =>
      record((hooks) => t5.forward(inputs, { hooks }), ['decoder.0.resid_pre'], { keep, maxBytes: 32 * 4 })
    const { trace } = await run((tensor) => tensor.slice(1, -1))
    const last = trace.get('decoder.0.resid_pre')![0]
    const { trace: whole } = await record((hooks) => t5.forward(inputs, { hooks }), ['decoder.0.resid_pre'])
    expect(last.shape).toEqual([1, 1, 32])
    expect(last.toArray()).toEqual(whole.get('decoder.0.resid_pre')![0].toArray().slice(-32))
    expect((await run(() => undefined)).trace.size).toBe(0)
    const { trace: flat } = await run((tensor) => tensor.select(1, 0))
    expect(() => flat.get('decoder.0.resid_pre')![0].row(0)).toThrow(ShapeError)
  })

  test('tells the steps of a generation apart, and what keep drops is not missed by the rest', async () => {
    const { output, trace } = await record(
      (hooks) => t5.generate({ inputIds: [[5, 6], [7, 8]] }, { hooks, maxNewTokens: 4, minNewTokens: 4 }), // prettier-ignore
      ['*.0.resid_pre'],
      { keep: (tensor, _point, step) => (step === undefined || step.index >= 2 ? tensor : undefined) },
    )
    expect(trace.get('encoder.0.resid_pre')!.map(({ step }) => step)).toEqual([undefined])
    const steps = trace.get('decoder.0.resid_pre')!.map(({ step }) => step!)
    expect(steps.map(({ index, start }) => [index, start])).toEqual([[2, 2], [3, 3]]) // prettier-ignore
    expect(historyOf(steps[1], 1)).toEqual({ input: 1, tokens: output.sequences[1].slice(0, 4) })
  })

  test('beams of an encoder-decoder: each row is the one that its sequence was written in', async () => {
    const sources = [[5, 6, 7, 8], [9, 10, 11, 12]] // prettier-ignore
    const { output, trace } = await record(
      (hooks) => t5.generate({ inputIds: sources }, { hooks, numBeams: 4, numReturnSequences: 2, maxNewTokens: 8 }),
      [STATE, SELF, CROSS, 'decoder.1.cross_attention.k', 'decoder.position_bias'],
    )
    const rows = []
    for (const [index, sequence] of output.sequences.entries()) {
      const input = Math.floor(index / 2)
      const whole = await record(
        (hooks) => t5.forward({ inputIds: [sources[input]], decoderInputIds: [sequence.slice(0, -1)] }, { hooks }),
        [STATE, SELF, CROSS],
      )
      rows.push(expectRowsOf(trace, whole.trace, { sequence, input }))
    }
    expect(rows.flat().length).toBeGreaterThan(16)
    expect(new Set(rows.flat()).size).toBeGreaterThan(2) // the search did reorder
    const { shape } = trace.get(CROSS)![3]
    expect(shape).toEqual([2, 4, 4, 4]) // four beams as four queries of each source
    expect(trace.get('decoder.1.cross_attention.k')![3].row(5).shape).toEqual([4, 4, 8])
    expect(trace.get('decoder.position_bias')![3].row(5).shape).toEqual([4, 1, 4])
    expect(() => trace.get(CROSS)![3].row(8)).toThrow('there is no row 8 of 8')
  })

  test('beams of a decoder alone, with padding before the prompt or a prompt that is kept', async () => {
    const prompts = { inputIds: [[3, 5, 6, 7], [8, 9, 10, 11]], attentionMask: [[0, 1, 1, 1], [1, 1, 1, 1]] } // prettier-ignore
    const options = { numBeams: 3, maxNewTokens: 6, minNewTokens: 6 }
    const { output, trace } = await record((hooks) => gpt2.generate(prompts, { ...options, hooks }), [STATE, SELF])
    for (const [input, sequence] of output.sequences.entries()) {
      const read = sequence.slice(0, -1)
      const attentionMask = [[...prompts.attentionMask[input], ...read.slice(4).map(() => 1)]]
      const whole = await record((hooks) => gpt2.forward({ inputIds: [read], attentionMask }, { hooks }), [STATE, SELF])
      const first = trace.get(STATE)![0].row(input).slice(0, -1).copy()
      expectClose(first, whole.trace.get(STATE)![0].select(0, 0).slice(0, 3, 4).copy(), TOLERANCE.states, 'prompt')
      const later = (all: Trace) => new Map([...all].map(([name, list]) => [name, list.slice(1)]))
      expect(expectRowsOf(later(trace), whole.trace, { sequence, input })).toHaveLength(5)
    }

    const promptCache = await gpt2.readPrompt([8, 9, 10])
    const kept = await record(
      (hooks) => gpt2.generate({ inputIds: [[8, 9, 10, 11]], promptCache }, { ...options, hooks }),
      [STATE],
    )
    promptCache.dispose()
    const steps = kept.trace.get(STATE)!.map(({ step }) => step!)
    expect(steps.map(({ start }) => start)).toEqual([3, 4, 5, 6, 7, 8])
    expect(steps.map((step) => rowWriting(step, kept.output.sequences[0]))).not.toContain(undefined)
  })

  test('beams of RAG-Token: a row for each passage and beam, and the input is the passage', async () => {
    const folder = 'rag/token-t5'
    const model = await RagTokenForGeneration.fromPretrained(goldenPath(folder), { backend: await create() })
    const golden = goldenCase(folder).generate![0] as unknown as Record<string, readonly (readonly number[])[]>
    const contexts = golden.context_input_ids.slice(0, 3)
    const mask = golden.context_attention_mask.slice(0, 3)
    const { output, trace } = await record(
      (hooks) =>
        model.generate(
          {
            contextInputIds: contexts,
            contextAttentionMask: mask,
            docScores: Tensor.float32([0.5, 0.2, 0.1], [1, 3]),
          },
          { hooks, nDocs: 3, numBeams: 2, maxNewTokens: 5 },
        ),
      [STATE, SELF, CROSS],
    )
    const [sequence] = output.sequences
    for (const [input, context] of contexts.entries()) {
      const source = { inputIds: [context], attentionMask: [mask[input]] }
      const whole = await record(
        (hooks) => model.generator.forward({ ...source, decoderInputIds: [sequence.slice(0, -1)] }, { hooks }),
        [STATE, SELF, CROSS],
      )
      expect(expectRowsOf(trace, whole.trace, { sequence, input }).length).toBeGreaterThan(2)
    }
  })
})
