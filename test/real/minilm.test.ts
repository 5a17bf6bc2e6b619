/**
 * all-MiniLM-L6-v2 with its original weights, against what transformers recorded of it (test/goldens/real/minilm). The unit tests
 * compare the copy in weights/, which is rounded to float16, and so less closely.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { BertModel } from '../../src/models/index.js'
import { SentenceEncoder } from '../../src/rag/index.js'
import { expectClose, goldenJson, goldenTensors, TOLERANCE } from '../support/goldens.js'

const golden = goldenJson<{
  weights_sha256: string
  tokenizer_sha256: string
  sentences: { text: string; tokens_before_truncation: number; input_ids: number[] }[]
}>('real/minilm/case.json')
const tensors = await goldenTensors('real/minilm/expected.safetensors')

describe('all-MiniLM-L6-v2', () => {
  const folder = inject('minilm')

  test('is the model that was recorded', () => {
    const sha256 = (file: string) => createHash('sha256').update(readFileSync(join(folder, file))).digest('hex') // prettier-ignore
    expect(sha256('model.safetensors')).toBe(golden.weights_sha256)
    expect(sha256('tokenizer.json')).toBe(golden.tokenizer_sha256)
  })

  test('gives every sentence its ids and its vector', async () => {
    const encoder = await SentenceEncoder.fromPretrained(folder)
    for (const { text, tokens_before_truncation, input_ids } of golden.sentences) {
      if (tokens_before_truncation <= 256) expect(encoder.tokenize(text)).toEqual(input_ids)
    }
    const texts = golden.sentences.map(({ text }) => text)
    const vectors = await encoder.embed(texts, { truncate: true, batchSize: 4 })
    const wanted = tensors.float('mean_normalized').toArray()
    expect(vectors).toHaveLength(wanted.length)
    const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - vectors[i])), 0)
    expect(worst).toBeLessThanOrEqual(1e-5)
  })

  test('has every hidden state and attention', async () => {
    const model = await BertModel.fromPretrained(folder)
    const output = await model.forward(
      { inputIds: tensors.ids('trace.input_ids') },
      { outputHiddenStates: true, outputAttentions: true },
    )
    expect(output.hiddenStates).toHaveLength(7)
    for (const [i, state] of output.hiddenStates!.entries()) {
      expectClose(state, tensors.float(`trace.hidden_states.${i}`), TOLERANCE.states, `hidden state ${i}`)
    }
    expect(output.attentions).toHaveLength(6)
    for (const [i, probs] of output.attentions!.entries()) {
      expectClose(probs, tensors.float(`trace.attentions.${i}`), TOLERANCE.probabilities, `attention ${i}`)
    }
    expectClose(output.poolerOutput, tensors.float('trace.pooler_output'), TOLERANCE.states, 'pooler')
  })
})
