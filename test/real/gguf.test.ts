/**
 * Real GGUF files: SmolLM2 against what transformers recorded of its widened weights, and values and ids of both against what the Python
 * package gguf and llama.cpp gave (test/goldens/gguf/real.json).
 */
import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openFolder } from '../../src/files/folder.js'
import { GgufFile } from '../../src/gguf/index.js'
import { AutoModelForCausalLM, LlamaForCausalLM } from '../../src/models/index.js'
import { AutoTokenizer, type ChatMessage, type Tokenizer } from '../../src/tokenizer/index.js'
import { goldenJson } from '../support/goldens.js'

interface Recorded {
  /** SHA-256 of the float32 values of a tensor of each number format. */
  readonly tensors: readonly { readonly name: string; readonly type: string; readonly sha256: string }[]
  /** Ids of llama.cpp, with special tokens read as such and none added. */
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[]
}

const recorded = goldenJson<Readonly<Record<'smollm2' | 'gemma3', Recorded>>>('gguf/real.json')

describe.each(['smollm2', 'gemma3'] as const)('%s as GGUF', (name) => {
  test.each(recorded[name].tensors)('has the values of $name, $type', async ({ name: tensor, type, sha256 }) => {
    const path = inject('gguf')[name]
    const file = await GgufFile.open((await openFolder(dirname(path)).open(basename(path)))!)
    expect(file.tensors.get(tensor)!.type.name).toBe(type)
    const { data } = (await file.tensor(tensor)).to('float32')
    await file.close()
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  })

  test('splits texts as llama.cpp does', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(inject('gguf')[name])
    for (const { text, ids } of recorded[name].texts) {
      expect(tokenizer.encode(text, { addSpecialTokens: false }).ids, text).toEqual(ids)
    }
  })
})

interface Prompt {
  readonly messages: readonly ChatMessage[]
  readonly text: string
  readonly input_ids: number[]
  readonly output_ids: readonly number[]
  readonly first_step_top5: { readonly ids: readonly number[]; readonly logits: readonly number[] }
}

describe('SmolLM2 from its GGUF', () => {
  const { prompts, generation } = goldenJson<{
    prompts: readonly Prompt[]
    generation: { max_new_tokens: number; eos_token_id: number }
  }>('real/smollm2/case.json')
  let model: LlamaForCausalLM
  let tokenizer: Tokenizer
  beforeAll(async () => {
    tokenizer = await AutoTokenizer.fromPretrained(inject('gguf').smollm2)
    model = await LlamaForCausalLM.fromPretrained(inject('gguf').smollm2)
  })
  afterAll(() => model.dispose())

  test.each(prompts)('goes on as recorded from $messages', async (prompt) => {
    const { text, ids } = await tokenizer.applyChatTemplate(prompt.messages, { addGenerationPrompt: true })
    expect({ text, ids }).toEqual({ text: prompt.text, ids: prompt.input_ids })
    const { logits } = await model.forward({ inputIds: [ids] }) // [1, prompt, vocabulary]
    const first = logits.select(1, -1).toArray()
    const top = prompt.first_step_top5
    top.ids.forEach((id, i) => expect(Math.abs(first[id] - top.logits[i]), `token ${id}`).toBeLessThanOrEqual(1e-3))
    const limits = { maxNewTokens: generation.max_new_tokens, eosTokenId: generation.eos_token_id }
    const { sequences } = await model.generate({ inputIds: [ids] }, limits)
    expect(sequences[0].slice(ids.length)).toEqual(prompt.output_ids)
  })
})

test('Gemma 3 goes on from a prompt', async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(inject('gguf').gemma3)
  const model = await AutoModelForCausalLM.fromPretrained(inject('gguf').gemma3)
  const { ids } = tokenizer.encode('The capital of France is')
  const { sequences } = await model.generate({ inputIds: [ids] }, { maxNewTokens: 8 })
  expect(tokenizer.decode(sequences[0])).toBe('The capital of France is the capital of the country of France.')
  model.dispose()
})
