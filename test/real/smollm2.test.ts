/**
 * SmolLM2-135M-Instruct against what transformers recorded of it (test/goldens/real/smollm2).
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { LlamaForCausalLM } from '../../src/models/index.js'
import { PromptReader, Rag } from '../../src/rag/index.js'
import { AutoTokenizer, type ChatMessage, type Tokenizer } from '../../src/tokenizer/index.js'
import { goldenJson, goldenTensors } from '../support/goldens.js'

interface Step {
  readonly ids: readonly number[]
  readonly logits: readonly number[]
}

interface Prompt {
  readonly messages: readonly ChatMessage[]
  readonly text: string
  readonly input_ids: number[]
  readonly output_ids: readonly number[]
  readonly output_text: string
  readonly first_step_top5: Step
  readonly fp16_weights: { readonly output_ids: 'same' | readonly number[]; readonly first_step_top5: Step }
}

const { prompts, generation } = goldenJson<{
  prompts: readonly Prompt[]
  generation: { max_new_tokens: number; eos_token_id: number }
}>('real/smollm2/case.json')

/** Of logits, for these weights (test/goldens/README.md). */
const TOLERANCE = 1e-3

describe.each(['float32', 'float16'] as const)('SmolLM2-135M-Instruct with weights in %s', (dtype) => {
  let model: LlamaForCausalLM
  let tokenizer: Tokenizer
  beforeAll(async () => {
    const folder = inject('smollm2')[dtype]
    tokenizer = await AutoTokenizer.fromPretrained(folder)
    model = await LlamaForCausalLM.fromPretrained(folder)
  })
  afterAll(() => model.dispose())

  describe.each(prompts.map((prompt, n) => ({ n, ...prompt })))('prompt $n', ({ n, ...prompt }) => {
    test('becomes the recorded text and ids', async () => {
      const { text, ids } = await tokenizer.applyChatTemplate(prompt.messages, { addGenerationPrompt: true })
      expect(text).toBe(prompt.text)
      expect(ids).toEqual(prompt.input_ids)
    })

    test('is followed by the recorded tokens', async () => {
      const limits = { maxNewTokens: generation.max_new_tokens, eosTokenId: generation.eos_token_id }
      const { sequences } = await model.generate({ inputIds: [prompt.input_ids] }, limits)
      const written = sequences[0].slice(prompt.input_ids.length)
      const { output_ids: rounded } = prompt.fp16_weights
      expect(written).toEqual(dtype === 'float32' || rounded === 'same' ? prompt.output_ids : rounded)
      expect(tokenizer.decode(written, { skipSpecialTokens: false })).toBe(prompt.output_text)
    })

    test('gets the recorded logits for the first token', async () => {
      const { logits } = await model.forward({ inputIds: [prompt.input_ids] }) // [1, prompt, vocabulary]
      const first = logits.select(1, -1).toArray()
      const { ids, logits: top } = (dtype === 'float32' ? prompt : prompt.fp16_weights).first_step_top5
      ids.forEach((id, i) => expect(Math.abs(first[id] - top[i]), `token ${id}`).toBeLessThanOrEqual(TOLERANCE))
      if (dtype === 'float16') return // all of them are recorded for the exact weights only
      const golden = await goldenTensors('real/smollm2/expected.safetensors')
      const wanted = golden.float(`prompt.${n}.first_step_logits`).toArray()
      const worst = wanted.reduce((most, value, id) => Math.max(most, Math.abs(value - first[id])), 0)
      expect(worst).toBeLessThanOrEqual(TOLERANCE)
    })
  })
})

test('SmolLM2 answers from the passages that the retriever finds', async () => {
  const reader = await PromptReader.fromPretrained(inject('smollm2').float16)
  const rag = await Rag.fromPretrained(undefined, { reader })
  const pieces: string[] = []
  const answer = await rag.ask('What is the capital of France?', { topK: 3, onText: (piece) => pieces.push(piece) })
  expect(answer.text).toContain('Paris')
  expect(answer.ended).toBe(true)
  expect(pieces.join('').trim()).toBe(answer.text)
  expect(answer.passages).toHaveLength(3)
  rag.dispose()
  reader.dispose()
})
