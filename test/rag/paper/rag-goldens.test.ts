import { describe, expect, test } from 'vitest'
import { RagSequenceForGeneration, RagTokenForGeneration } from '../../../src/rag/index.js'
import type { Float } from '../../../src/tensor/ops/index.js'
import { ALL_BACKENDS } from '../../support/backends.js'
import { toOptions } from '../../support/generation.js'
import { expectClose, goldenCase, goldenJson, goldenPath, goldenTensors, TOLERANCE } from '../../support/goldens.js'
import { expectOutputs } from '../../support/outputs.js'

const SEQUENCE = ['rag/sequence-bart', 'rag/sequence-t5']
const TOKEN = ['rag/token-bart', 'rag/token-t5']

interface RagGeneration {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>> & { readonly n_docs: number }
  readonly context_input_ids: readonly (readonly number[])[]
  readonly context_attention_mask: readonly (readonly number[])[]
  readonly doc_scores: readonly (readonly number[])[]
  readonly output_ids: readonly (readonly number[])[]
  readonly sequences_scores?: readonly number[]
}

function generations(folder: string): readonly RagGeneration[] {
  return goldenJson<{ readonly generate: readonly RagGeneration[] }>(folder, 'case.json').generate
}

function ragInputs(golden: RagGeneration) {
  return {
    contextInputIds: golden.context_input_ids,
    contextAttentionMask: golden.context_attention_mask,
    docScores: golden.doc_scores,
  }
}

async function forwardInputs(folder: string, file: string) {
  const golden = await goldenTensors(folder, file)
  return {
    golden,
    inputs: {
      contextInputIds: golden.ids('context_input_ids'),
      contextAttentionMask: golden.ids('context_attention_mask'),
      docScores: golden.float('doc_scores'),
      labels: golden.ids('labels'),
    },
  }
}

/** Losses have the tolerance of `nll`. */
function expectLoss(got: Float | undefined, wanted: Float, what: string): void {
  expectClose(got, wanted, { abs: 1e-4, rel: 0 }, what)
}

/** Names that are compared by themselves. */
const LOSSES = /^(loss|nll|marginalized|generator_logits)/

const passes = (folder: string) => goldenCase(folder).forward.filter(({ inputs }) => 'labels' in inputs)
const questions = (folder: string) => goldenCase(folder).forward.filter(({ inputs }) => !('labels' in inputs))

describe.each(ALL_BACKENDS)('RAG on $name', ({ create }) => {
  describe.each(SEQUENCE)('%s', (folder) => {
    const load = async () => RagSequenceForGeneration.fromPretrained(goldenPath(folder), { backend: await create() })

    test.each(passes(folder))('$file: attentions, logits and losses', async ({ file, outputs }) => {
      const model = await load()
      const { golden, inputs } = await forwardInputs(folder, file)
      const output = await model.forward(inputs, { outputAttentions: true })
      expectOutputs(output, { golden, outputs: outputs.filter((name) => !LOSSES.test(name)) })
      expectClose(output.logits, golden.float('generator_logits'), TOLERANCE.states, 'generator_logits')
      expectLoss(output.loss, golden.float('loss'), 'loss')
      expectLoss((await model.forward(inputs, { reduceLoss: true })).loss, golden.float('loss_reduced'), 'loss_reduced')
      const nll = (options?: object) => model.getNll(output.logits, output.docScores, inputs.labels, options)
      expectLoss(nll(), golden.float('nll'), 'nll')
      expectLoss(nll({ epsilon: 0.1 }), golden.float('nll_epsilon_0.1'), 'nll_epsilon_0.1')
      expectLoss(nll({ excludeBosScore: true }), golden.float('nll_exclude_bos_score'), 'nll_exclude_bos_score')
    })

    test.each(generations(folder))('$name: the ids of transformers', async ({ args, ...golden }) => {
      const model = await load()
      const { sequences, nll } = await model.generate(ragInputs({ args, ...golden }), {
        ...toOptions(args),
        nDocs: args.n_docs,
      })
      expect(sequences).toEqual(golden.output_ids)
      const each = nll.length / golden.doc_scores.length
      golden.doc_scores.forEach((_, i) => {
        const ofOne = nll.slice(i * each, (i + 1) * each)
        expect(ofOne).toEqual(ofOne.toSorted((a, b) => a - b))
      })
    })
  })

  describe.each(TOKEN)('%s', (folder) => {
    const load = async () => RagTokenForGeneration.fromPretrained(goldenPath(folder), { backend: await create() })

    test.each(passes(folder))('$file: attentions, logits and losses', async ({ file, outputs }) => {
      const model = await load()
      const { golden, inputs } = await forwardInputs(folder, file)
      const output = await model.forward(inputs, { outputAttentions: true, doMarginalize: true })
      expectOutputs(output, { golden, outputs: outputs.filter((name) => !LOSSES.test(name)) })
      expectClose(output.logits, golden.float('marginalized_logprobs'), TOLERANCE.states, 'marginalized_logprobs')
      expectLoss(output.loss, golden.float('loss'), 'loss')
      const { logits, loss } = await model.forward(inputs, { reduceLoss: true, doMarginalize: false })
      expectClose(logits, golden.float('generator_logits'), TOLERANCE.states, 'generator_logits')
      expectLoss(loss, golden.float('loss_reduced'), 'loss_reduced')
      expectLoss(model.getNll(logits, output.docScores, inputs.labels), golden.float('nll'), 'nll')
      const smoothed = model.getNll(logits, output.docScores, inputs.labels, { epsilon: 0.1 })
      expectLoss(smoothed, golden.float('nll_epsilon_0.1'), 'nll_epsilon_0.1')
    })

    test.each(generations(folder))('$name: the ids and scores of transformers', async ({ args, ...golden }) => {
      const model = await load()
      const options = { ...toOptions(args), nDocs: args.n_docs }
      const { sequences, sequencesScores } = await model.generate(ragInputs({ args, ...golden }), options)
      expect(sequences).toEqual(golden.output_ids)
      const scores = golden.sequences_scores ?? []
      expect(sequencesScores ?? []).toHaveLength(scores.length)
      sequencesScores?.forEach((score, i) => expect(Math.abs(score - scores[i])).toBeLessThan(1e-4))
    })
  })

  describe.each([...SEQUENCE, ...TOKEN])('%s', (folder) => {
    test.each(questions(folder))('$file: the question encoder', async ({ file, outputs }) => {
      const golden = await goldenTensors(folder, file)
      const RagClass = SEQUENCE.includes(folder) ? RagSequenceForGeneration : RagTokenForGeneration
      const { questionEncoder } = await RagClass.fromPretrained(goldenPath(folder), { backend: await create() })
      const output = await questionEncoder.forward(
        { inputIds: golden.ids('input_ids'), attentionMask: golden.ids('attention_mask') },
        { outputHiddenStates: true, outputAttentions: true },
      )
      expectOutputs(output, { golden, outputs })
    })
  })
})
