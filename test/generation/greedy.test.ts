import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { JsonObject } from '../../src/files/json.js'
import {
  generate,
  generationConfig,
  stream,
  type Decoding,
  type GenerateOptions,
  type GenerationConfig,
} from '../../src/generation/index.js'
import { Tensor } from '../../src/tensor/tensor.js'

const PAD = 0
const EOS = 1
const CONFIG: GenerationConfig = {
  decoderStartTokenId: 9,
  eosTokenIds: [EOS],
  padTokenId: PAD,
  options: { maxLength: 6 },
  unsupported: [],
}
const VOCABULARY = 10

/** A model that writes these tokens, one row after the other: logit 2 for the token of the step, 1 for the end, 0 else. */
function writing(rows: readonly (readonly number[])[], seen: (readonly (readonly number[])[])[] = []): Decoding {
  let step = 0
  const next = async (tokens: readonly (readonly number[])[]) => {
    seen.push(tokens)
    const logits = Tensor.zeros('float32', [rows.length, VOCABULARY])
    rows.forEach((row, i) => {
      logits.data[i * VOCABULARY + EOS] = 1
      logits.data[i * VOCABULARY + row[step]] = 2
    })
    step++
    return logits
  }
  return { decoder: { next, reorder: () => {}, dispose: () => {} }, prompt: rows.map(() => [9]) }
}

const run = (rows: readonly (readonly number[])[], options: GenerateOptions = {}, config = CONFIG) =>
  generate(writing(rows), config, options)

describe('greedy search', () => {
  test('writes the most probable token of each row until all rows have ended, and pads those that ended', async () => {
    const { sequences, logProbs } = await run([
      [5, EOS, 7, 7],
      [6, 4, 3, EOS],
    ])
    expect(sequences).toEqual([
      [9, 5, EOS, PAD, PAD],
      [9, 6, 4, 3, EOS],
    ])
    const likely = Math.log(Math.E ** 2 / (Math.E ** 2 + Math.E + 8))
    expect(logProbs[0][0]).toBeCloseTo(likely, 6)
    expect(logProbs[0].slice(2)).toEqual([0, 0])
    expect(logProbs[1].slice(0, 3).every((logProb) => Math.abs(logProb - likely) < 1e-6)).toBe(true)
  })

  test('takes the first of equally probable tokens', async () => {
    const tied = writing([[5]])
    const next = async () => Tensor.float32([0, 0, 0, 3, 3], [1, 5])
    const decoding = { ...tied, decoder: { ...tied.decoder, next } }
    expect((await generate(decoding, CONFIG, { maxNewTokens: 1 })).sequences).toEqual([[9, 3]])
  })

  test('gives the model the prompt, and then what it wrote', async () => {
    const seen: (readonly (readonly number[])[])[] = []
    await generate({ ...writing([[5, 6, EOS]], seen), prompt: [[9, 8]] }, CONFIG)
    expect(seen).toEqual([[[9, 8]], [[5]], [[6]]])
  })

  test('computes a step only when it is asked for', async () => {
    const seen: (readonly (readonly number[])[])[] = []
    const steps = stream(writing([[5, 6, 7]], seen), CONFIG)
    expect(seen).toHaveLength(0)
    expect((await steps.next()).value?.tokens).toEqual([5])
    expect(seen).toHaveLength(1)
    expect((await steps.next()).value?.tokens).toEqual([6])
    expect(seen).toHaveLength(2)
    await steps.return()
    expect(seen).toHaveLength(2)
  })

  test('ends at any of several end tokens', async () => {
    const { sequences } = await run([[5, 7, 6]], {}, { ...CONFIG, eosTokenIds: [EOS, 7] })
    expect(sequences).toEqual([[9, 5, 7]])
  })

  test('stops between two steps when it is cancelled', async () => {
    const controller = new AbortController()
    const steps = stream(writing([[5, 6, 7]]), CONFIG, { signal: controller.signal })
    await steps.next()
    controller.abort(new Error('enough'))
    await expect(steps.next()).rejects.toMatchObject({ name: 'AbortError', code: 'aborted' })
    const never = stream(writing([[5]]), CONFIG, { signal: AbortSignal.abort() })
    await expect(never.next()).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('the length of an output', () => {
  test.each<[string, GenerateOptions, number[]]>([
    ['is limited by the config, with the start token', {}, [9, 5, 5, 5, 5, 5]],
    ['is limited by maxLength, with the start token', { maxLength: 3 }, [9, 5, 5]],
    ['is limited by maxNewTokens, without it', { maxNewTokens: 3 }, [9, 5, 5, 5]],
    ['follows maxNewTokens where both are given', { maxNewTokens: 2, maxLength: 5 }, [9, 5, 5]],
  ])('%s', async (_name, options, wanted) => {
    expect((await run([[5, 5, 5, 5, 5, 5, 5]], options)).sequences).toEqual([wanted])
  })

  test.each<[string, GenerateOptions, number[]]>([
    ['minNewTokens, without the start token', { minNewTokens: 2 }, [9, 0, 0, EOS]],
    ['minLength, with it', { minLength: 2 }, [9, 0, EOS]],
    ['the larger of both', { minLength: 2, minNewTokens: 3 }, [9, 0, 0, 0, EOS]],
  ])('is at least %s: the end token cannot come before', async (_name, options, wanted) => {
    expect((await run([[EOS, EOS, EOS, EOS, EOS, EOS]], options)).sequences).toEqual([wanted])
  })

  test.each([
    [{ maxNewTokens: 0 }, 'generate: maxNewTokens is 0, expected a whole number of 1 or more'],
    [{ maxLength: 1.5 }, 'generate: maxLength is 1.5, expected a whole number of 1 or more'],
    [{ maxNewTokens: NaN }, 'generate: maxNewTokens is NaN'],
    [{ minNewTokens: -1 }, 'generate: minNewTokens is -1, expected a whole number of 0 or more'],
    [{ minLength: Infinity }, 'generate: minLength is Infinity'],
  ])('is refused: %o', async (options, message) => {
    await expect(run([[5]], options)).rejects.toThrow(InputError)
    await expect(run([[5]], options)).rejects.toThrow(message)
  })
})

describe('generation_config.json', () => {
  const config = JsonObject.parse('{"pad_token_id":3,"eos_token_id":4,"decoder_start_token_id":5}', 'config.json')
  const read = (fields: object) =>
    generationConfig(config, JsonObject.parse(JSON.stringify(fields), 'generation_config.json'))

  test('goes before config.json, which fills in token ids that it leaves out', () => {
    expect(read({ eos_token_id: [6, 7], max_length: 40 })).toEqual({
      decoderStartTokenId: 5,
      eosTokenIds: [6, 7],
      padTokenId: 3,
      options: { maxLength: 40 },
      unsupported: [],
    })
    expect(generationConfig(config, undefined)).toMatchObject({ eosTokenIds: [4], options: {} })
  })

  test.each([
    ['penalty_alpha', 0.6],
    ['num_beam_groups', 2],
    ['typical_p', 0.9],
    ['guidance_scale', 1.5],
    ['force_words_ids', [[5]]],
    ['exponential_decay_length_penalty', [5, 1.1]],
  ])('with %s %o is refused when it is to be followed, not when the model is loaded', async (field, value) => {
    const unsupported = read({ [field]: value })
    await expect(run([[5]], {}, unsupported)).rejects.toMatchObject({
      code: 'unsupported-generation',
      message: `generation_config.json asks for ${field}: ${JSON.stringify(value)}, which this version cannot do`,
    })
  })

  test('that spells out the defaults is followed', () => {
    const plain = { num_beams: 1, typical_p: 1, penalty_alpha: null, max_length: 20, repetition_penalty: 1 }
    expect(read(plain)).toMatchObject({ unsupported: [], options: { numBeams: 1, repetitionPenalty: 1 } })
  })

  test.each([
    [{ eos_token_id: 'x' }, '"eos_token_id" is "x"'],
    [{ eos_token_id: [1, 'x'] }, '"eos_token_id" is [1,"x"]'],
    [{ pad_token_id: -1 }, '"pad_token_id" is -1'],
    [{ max_length: 0 }, '"max_length" is 0'],
    [{ temperature: 'hot' }, '"temperature" is "hot"'],
    [{ no_repeat_ngram_size: 1.5 }, '"no_repeat_ngram_size" is 1.5'],
  ])('with %o is refused at load', (fields, message) => {
    expect(() => read(fields)).toThrow(message)
  })
})
