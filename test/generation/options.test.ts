import { expect, test } from 'vitest'
import { referenceBackend, wasmBackend } from '../../src/backends/index.js'
import { JsonObject } from '../../src/files/json.js'
import { generationConfig, type Decoding, type GenerateOptions } from '../../src/generation/index.js'
import { generate, stream } from '../../src/generation/index.js'
import { GPT2LMHeadModel, T5ForConditionalGeneration } from '../../src/models/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../support/goldens.js'

/** A decoder over letters a to z, which always wants to write the letter after the last one; 0 ends. */
function alphabet(prompt: readonly (readonly number[])[] = [[1]]): Decoding {
  return {
    prompt,
    decoder: {
      next: async (tokens) => {
        const rows = tokens.map((row) => {
          const scores = new Array<number>(27).fill(0)
          scores[(row.at(-1)! + 1) % 27] = 5
          return scores
        })
        return Tensor.float32(rows.flat(), [rows.length, 27])
      },
      reorder: () => {},
      dispose: () => {},
    },
  }
}

const letters = { decode: (ids: readonly number[]) => ids.map((id) => String.fromCharCode(96 + id)).join('') }

function config(file: Record<string, unknown> = {}, model: Record<string, unknown> = { eos_token_id: 0 }) {
  return generationConfig(new JsonObject(model as never, 'config.json'), new JsonObject(file as never, 'generation'))
}

async function text(options: GenerateOptions, settings = config()): Promise<string> {
  return letters.decode((await generate(alphabet(), settings, options)).sequences[0])
}

test('lengths count as in transformers: maxLength with the prompt, maxNewTokens without, 20 new tokens by default', async () => {
  expect(await text({})).toBe('abcdefghijklmnopqrstu')
  expect(await text({ maxNewTokens: 3 })).toBe('abcd')
  expect(await text({ maxLength: 3 })).toBe('abc')
  expect(await text({ maxLength: 3, maxNewTokens: 5 })).toBe('abcdef')
})

test('generation_config.json is honoured, and the caller wins over it', async () => {
  expect(await text({}, config({ max_new_tokens: 2 }))).toBe('abc')
  expect(await text({ maxLength: 5 }, config({ max_new_tokens: 2 }))).toBe('abcde')
  expect(await text({ maxNewTokens: 4 }, config({ forced_bos_token_id: 20 }))).toBe('atuvw')
  expect(await text({ maxNewTokens: 4 }, config({ suppress_tokens: [3], max_length: 9 }))).toBe('ab`')
  expect(await text({ maxNewTokens: 2 }, config({ begin_suppress_tokens: [2] }, {}))).toMatch(/^a[^b]/)
})

test('settings come from config.json where there is no generation_config.json', async () => {
  const old = generationConfig(
    new JsonObject({ eos_token_id: 0, max_length: 4, num_beams: 2 }, 'config.json'),
    undefined,
  )
  expect(old.options).toEqual({ maxLength: 4, numBeams: 2 })
})

test('a checkpoint without a padding token fills with its end token', () => {
  expect(config({}, { eos_token_id: [7, 8] })).toMatchObject({ eosTokenIds: [7, 8], padTokenId: 7 })
  expect(config({}, { eos_token_id: null })).toMatchObject({ eosTokenIds: [], padTokenId: 0 })
  expect(config({}, { model_type: 't5' })).toMatchObject({ eosTokenIds: [1] })
})

test('a row ends with any of the end tokens, or when its new text holds a stop string', async () => {
  expect(await text({ eosTokenId: [9, 4] })).toBe('abcd')
  expect(await text({ stopStrings: ['fg', 'zz'], tokenizer: letters })).toBe('abcdefg')
  expect(await text({ stopStrings: 'a', tokenizer: letters, maxNewTokens: 30 })).toHaveLength(31 - 4) // `a` of the prompt does not count
})

test('bad words and repeated n-grams are not written', async () => {
  expect(await text({ badWordsIds: [[3]], maxNewTokens: 1 })).toBe('ab')
  expect(await text({ badWordsIds: [[2, 3]], maxNewTokens: 2 })).toMatch(/^ab[^c]/)
  const twice = await generate(alphabet([[1, 2, 1]]), config(), { noRepeatNgramSize: 2, maxNewTokens: 1 })
  expect(twice.sequences[0][3]).not.toBe(2)
})

test('own processors run last', async () => {
  const onlyZ = (scores: Float32Array) => scores.fill(-Infinity, 0, 26)
  expect(await text({ logitsProcessors: [onlyZ], maxNewTokens: 2 })).toBe('azz')
})

test('what is unknown, wrong or contradictory is refused by name', async () => {
  const refused = async (options: object, message: string | RegExp) => {
    await expect(generate(alphabet(), config(), options)).rejects.toThrow(message)
  }
  await refused({ num_beams: 4 }, 'unknown option num_beams; known: maxNewTokens')
  await refused({ constructor: 1 }, 'unknown option constructor')
  await refused({ maxNewTokens: 0 }, 'maxNewTokens is 0, expected a whole number of 1 or more')
  await refused({ temperature: 0 }, 'temperature is 0, expected a number above 0')
  await refused({ topP: 1.5 }, 'topP is 1.5')
  await refused({ earlyStopping: 'soon' }, "earlyStopping is soon, expected true, false or 'never'")
  await refused({ badWordsIds: [[]] }, 'badWordsIds is [[]]')
  await refused({ stopStrings: 'x' }, 'stopStrings need the tokenizer')
  await refused({ maxLength: 1 }, 'the prompt has 1 tokens and maxLength is 1')
  await refused({ numReturnSequences: 2 }, 'greedy search finds one')
  await refused({ numBeams: 2, numReturnSequences: 3 }, 'there are only 2 beams')
  await refused({ numBeams: 2, doSample: true }, 'not supported')
  await refused({ encoderNoRepeatNgramSize: 2 }, 'is for encoder-decoders')
})

test('a file that asks for what is not supported is refused, and only when something is generated', async () => {
  await expect(text({}, config({ penalty_alpha: 0.6, typical_p: 1 }))).rejects.toThrow(/asks for penalty_alpha: 0.6,/)
  expect(() => config({ num_beams: 'four' })).toThrow('generation: "num_beams" is "four", expected a whole number')
})

test('a beam search cannot be streamed, and says so', () => {
  expect(() => stream(alphabet(), config(), { numBeams: 2 })).toThrow('cannot be streamed')
})

test('options are checked before anything is read', async () => {
  const model = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), {
    backend: referenceBackend(),
  })
  await expect(model.generate({ inputIds: [] }, { foo: 1 } as never)).rejects.toThrow('unknown option foo')
})

test('an AbortSignal ends the generation between two steps', async () => {
  const model = await GPT2LMHeadModel.fromPretrained(goldenPath('gpt2/base'), { backend: referenceBackend() })
  const controller = new AbortController()
  const steps: number[] = []
  const run = async () => {
    for await (const { tokens } of model.stream(
      { inputIds: [[5, 6]] },
      { maxNewTokens: 9, signal: controller.signal },
    )) {
      steps.push(...tokens)
      if (steps.length === 3) controller.abort()
    }
  }
  await expect(run()).rejects.toMatchObject({ name: 'AbortError', code: 'aborted' })
  expect(steps).toHaveLength(3)
  const beams = model.generate({ inputIds: [[5, 6]] }, { numBeams: 2, signal: AbortSignal.abort() })
  await expect(beams).rejects.toMatchObject({ code: 'aborted' })
})

test('samples repeat by seed, differ among themselves, and do not depend on the rest of the batch', async () => {
  const model = await GPT2LMHeadModel.fromPretrained(goldenPath('gpt2/base'), { backend: referenceBackend() })
  const options = { doSample: true, seed: 3, maxNewTokens: 8, temperature: 2, topK: 0 }
  const one = await model.generate({ inputIds: [[5, 6, 7]] }, options)
  expect(await model.generate({ inputIds: [[5, 6, 7]] }, options)).toEqual(one)
  expect(await model.generate({ inputIds: [[5, 6, 7]] }, { ...options, seed: 4 })).not.toEqual(one)
  const three = await model.generate({ inputIds: [[5, 6, 7]] }, { ...options, numReturnSequences: 3 })
  expect(three.sequences[0]).toEqual(one.sequences[0])
  expect(new Set(three.sequences.map(String)).size).toBe(3)
  const batch = await model.generate({ inputIds: [[5, 6, 7], [9, 9, 9]] }, options) // prettier-ignore
  expect(batch.sequences[0]).toEqual(one.sequences[0])
})

test('a generation gives back its memory, also when it is cut short', async () => {
  const backend = await wasmBackend({ threads: 1 })
  const model = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), { backend })
  const inputs = { inputIds: [[5, 6, 7, 1]] }
  const run = async () => {
    await model.generate(inputs, { numBeams: 3, maxNewTokens: 40, minNewTokens: 38 })
    for await (const { tokens } of model.stream(inputs)) if (tokens.length > 0) break
    await expect(model.generate(inputs, { signal: AbortSignal.abort() })).rejects.toThrow('cancelled')
    return backend.memory.used
  }
  const used = await run() // the backend keeps the room for a pass
  expect(await run()).toBe(used)
})

test('a beam goes on even where the best tokens all end', async () => {
  const scores = Float32Array.from({ length: 27 }, (_, id) => (id >= 1 && id <= 5 ? 2 : id === 6 ? 1 : -9))
  const next = async (tokens: readonly unknown[]) =>
    Tensor.float32(
      tokens.flatMap(() => [...scores]),
      [tokens.length, 27],
    )
  const decoding = { prompt: [[0]], decoder: { next, reorder: () => {}, dispose: () => {} } }
  const options = { eosTokenId: [1, 2, 3, 4, 5], numBeams: 2, maxNewTokens: 2, earlyStopping: 'never' } as const
  const { sequences } = await generate(decoding, config(), { ...options, lengthPenalty: 9 }) // which favours the longer
  expect(sequences[0].slice(0, 2)).toEqual([0, 6])
})

test('a limit takes no memory before it is reached', async () => {
  const backend = await wasmBackend({ threads: 1 })
  const model = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), { backend })
  const limit = { maxNewTokens: 1e12 }
  for await (const { tokens } of model.stream({ inputIds: [[5, 6, 1]] }, limit)) if (tokens.length > 0) break
  expect(backend.memory.byteLength).toBeLessThan(16 * 2 ** 20)
})
