import { beforeAll, describe, expect, test, vi } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.js'
import { BertForQuestionAnswering, type EncoderForQuestionAnswering } from '../../../src/models/index.js'
import { weighPassages } from '../../../src/rag/rag.js'
import { SpanReader } from '../../../src/rag/reading/span-reader.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { AutoTokenizer, type Tokenizer } from '../../../src/tokenizer/index.js'
import { changedCheckpoint } from '../../support/checkpoints.js'
import { goldenPath, goldenTensors } from '../../support/goldens.js'
import { words, wordTokenizer } from '../../support/small-tokenizers.js'
import { weightsPath } from '../../support/weights.js'

const backend = referenceBackend()
const GOLDEN = 'bert/question-answering'
const POSITIONS = 'bert.embeddings.position_embeddings.weight'
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The recorded model with room for 256 tokens: its own 34 positions, and zeros. */
const folder = async (extra: Readonly<Record<string, unknown>> = {}) =>
  new Map([
    ...(await changedCheckpoint(GOLDEN, {
      rename: (name) => (name === POSITIONS ? undefined : name),
      add: (tensors) => {
        const old = tensors.get(POSITIONS)!.to('float32').toArray()
        return {
          [POSITIONS]: Tensor.float32(
            Array.from({ length: 256 * 32 }, (_, i) => old[i] ?? 0),
            [256, 32],
          ),
        }
      },
      config: { max_position_embeddings: 256, ...extra },
    })),
    ...[['tokenizer.json', tokenizerOf(69, 109, 15)], ['tokenizer_config.json', { pad_token: 'w0' }]].map(
      ([name, content]) => [name, new TextEncoder().encode(JSON.stringify(content))] as const,
    ), // prettier-ignore
  ] as [string, Uint8Array][])

/** Words are ids; [CLS] question [SEP] passage [SEP] with the ids that stand there in a recorded row. */
function tokenizerOf(begin: number, middle: number, end: number): object {
  const special = (id: number, type_id: number) => ({ SpecialToken: { id: `w${id}`, type_id } })
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
  return {
    ...wordTokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: [special(begin, 0), text('A', 0), special(middle, 0)],
      pair: [special(begin, 0), text('A', 0), special(middle, 0), text('B', 1), special(end, 1)],
      special_tokens: Object.fromEntries(
        [begin, middle, end].map((id) => [`w${id}`, { id: `w${id}`, ids: [id], tokens: [`w${id}`] }]),
      ),
    },
  }
}

describe('on the recorded checkpoint', () => {
  test('spans, scores and probabilities are those of the logits of transformers, by brute force', async () => {
    const reader = await SpanReader.fromPretrained(await folder(), { backend })
    const golden = await goldenTensors(GOLDEN, 'expected.safetensors')
    const ids = [...golden.ids('input_ids').select(0, 0).toArray()] // 69 20 67 69 21 109 58 12 72 23 68 107 15
    const [starts, ends] = ['start_logits', 'end_logits'].map((name) => [...golden.float(name).select(0, 0).toArray()])
    const text = words(ids.slice(6, 12))
    const { spans, pNoAnswer } = await reader.search(words(ids.slice(1, 5)), [{ title: '', text }])
    const all = []
    for (let i = 6; i < 12; i++)
      for (let j = i; j < 12; j++)
        all.push({ text: words(ids.slice(i, j + 1)), score: starts[i] + ends[j] - starts[0] - ends[0] })
    all.sort((a, b) => b.score - a.score)
    const total = 1 + sum(all.map(({ score }) => Math.exp(score)))
    expect(text.slice(spans[0].start, spans[0].end)).toBe(all[0].text)
    expect(spans[0].score).toBeCloseTo(all[0].score, 5)
    expect(spans[0].probability).toBeCloseTo(Math.exp(all[0].score) / total, 5)
    expect(pNoAnswer).toBeCloseTo(1 / total, 5)
    reader.dispose()
  })

  test('passages of different lengths in one batch are read as each by itself, and all share one softmax', async () => {
    const reader = await SpanReader.fromPretrained(await folder(), { backend })
    const passages = [[58, 12, 72, 23, 68, 107], [5, 6], [7, 8, 9, 30, 31, 32, 33, 34, 35]].map((ids) => ({ title: '', text: words(ids) })) // prettier-ignore
    const together = await reader.search('w20 w67', passages, { most: 50 })
    expect(sum(together.shares) + together.pNoAnswer).toBeCloseTo(1, 10)
    for (const [z, passage] of passages.entries()) {
      const { spans, shares, pNoAnswer } = await reader.search('w20 w67', [passage])
      const own = together.spans.find((span) => span.passage === z)!
      expect([own.start, own.end]).toEqual([spans[0].start, spans[0].end])
      expect(own.score).toBeCloseTo(spans[0].score, 5)
      expect(together.shares[z] / together.pNoAnswer).toBeCloseTo(shares[0] / pNoAnswer, 4)
    }
  })
})

/** A model whose logits are those of the token: found where the words are "alpha" to "omega". */
function stubbed(tokenizer: Tokenizer, maxLength: number, logit: Readonly<Record<string, [number, number]>>) {
  const forward = vi.fn(async ({ inputIds }: { inputIds: number[][] }) => {
    const of = (side: 0 | 1) =>
      Tensor.float32(
        inputIds.flatMap((row) => row.map((id) => logit[tokenizer.idToToken(id)!]?.[side] ?? -10)),
        [inputIds.length, inputIds[0].length],
      )
    return { startLogits: of(0), endLogits: of(1) }
  })
  const dispose = vi.fn()
  const model = { maxLength, forward, dispose } as unknown as EncoderForQuestionAnswering
  return { reader: new SpanReader(model, tokenizer), forward, dispose }
}

describe('with a model whose every logit is given', () => {
  let tokenizer: Tokenizer
  beforeAll(async () => {
    tokenizer = await AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  })
  const LOGITS: Record<string, [number, number]> = { '[CLS]': [0, 0], red: [4, -10], pot: [-10, 4], blue: [3, 3], seven: [2.9, 2.9] } // prettier-ignore
  const weighed = (...texts: string[]) =>
    weighPassages(texts.map((text, i) => ({ id: String(i), title: '', text, score: 0.5 })))

  test('a text in windows has the best span of one long pass', async () => {
    for (const at of [0, 1, 30, 45, 70, 99, 150, 297]) {
      const filling = new Array<string>(300).fill('tea')
      filling.splice(at, 3, 'red', 'old', 'pot')
      const passages = [{ title: '', text: filling.join(' ') }]
      const [long, short] = await Promise.all(
        [384, 128].map((length) => stubbed(tokenizer, length, LOGITS).reader.search('What?', passages)),
      )
      expect(short.spans[0]).toMatchObject({ start: 4 * at, end: 4 * at + 11, score: 8 })
      expect(short.spans[0].probability).toBeCloseTo(long.spans[0].probability, 10)
    }
  })

  test('quotes the sentence of the best span, and says which others agree and which do not', async () => {
    const { reader } = stubbed(tokenizer, 384, LOGITS)
    const passages = weighed(
      'Tea is hot. It is in a red pot today. Yes.',
      'A blue one.',
      'The red pot!',
      'There are seven.',
    )
    const answer = await reader.answer('Where?', passages, { minProbability: 0 })
    expect(answer).toMatchObject({ text: 'It is in a red pot today.', abstained: false, mode: 'span' })
    expect(answer.spans.map(({ text }) => text)).toEqual(['red pot', 'red pot', 'blue', 'seven'])
    expect(answer.spans.map(({ quote }) => quote.text)).toEqual(['It is in a red pot today.', 'The red pot!', 'A blue one.', 'There are seven.']) // prettier-ignore
    expect(answer.agreeing).toEqual([1])
    const odds = [8, 8, 6, 5.8].map(Math.exp)
    expect(answer.differing).toEqual([2, 3].filter((i) => odds[i] / (sum(odds) + 1) >= 0.05))
    expect(answer.probability).toBeCloseTo(odds[0] / (sum(odds) + 1), 3)
    for (const { text, quote, passage, start, end } of answer.spans) {
      expect(passages[passage].text.slice(start, end)).toBe(text)
      expect(passages[passage].text.slice(quote.start, quote.end)).toBe(quote.text)
    }
  })

  test('does not quote what is less likely than asked for, nor where there is nothing to quote', async () => {
    const { reader } = stubbed(tokenizer, 384, LOGITS)
    const passages = weighed('A red pot, a red pot.')
    const { probability } = await reader.answer('Where?', passages)
    expect(probability).toBeLessThan(0.5)
    expect(await reader.answer('Where?', passages)).toMatchObject({ text: "I don't know.", abstained: true })
    expect(await reader.answer('Where?', passages, { minProbability: probability })).toMatchObject({ abstained: false })
    const none = await reader.answer('Where?', weighed('🙂 …'), { minProbability: 0 })
    expect(none.spans.length === 0 || none.pNoAnswer > 0.99).toBe(true)
    expect(await reader.answer('Where?', weighed(''), { minProbability: 0 })).toMatchObject({ abstained: true, spans: [], probability: 0 }) // prettier-ignore
  })

  test('stops when it is told to, between batches too', async () => {
    const { reader, forward } = stubbed(tokenizer, 384, LOGITS)
    const passages = weighed(...new Array<string>(20).fill('tea'))
    await expect(reader.answer('What?', passages, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' }) // prettier-ignore
    expect(forward).not.toHaveBeenCalled()
    const controller = new AbortController()
    const original = forward.getMockImplementation()!
    forward.mockImplementationOnce(async (inputs) => {
      controller.abort()
      return original(inputs)
    })
    await expect(reader.answer('What?', passages, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' }) // prettier-ignore
    expect(forward).toHaveBeenCalledTimes(1)
  })

  test('a question of 60 000 letters is refused before anything is read', async () => {
    const { reader, forward } = stubbed(tokenizer, 512, LOGITS)
    const before = performance.now()
    await expect(reader.answer('why so? '.repeat(7500), weighed('tea'))).rejects.toMatchObject({ code: 'too-long' })
    expect(performance.now() - before).toBeLessThan(3000)
    expect(forward).not.toHaveBeenCalled()
  })

  test.each([
    [{ minProbability: 1.5 }, 'minProbability is 1.5, expected a number from 0 to 1'],
    [{ minProbability: NaN }, 'minProbability is NaN'],
    [{ spans: 0 }, 'spans is 0, expected a whole number of 1 or more'],
    [{ spans: 1.5 }, 'spans is 1.5'],
  ])('the option %j is refused', (options, message) => {
    const { reader } = stubbed(tokenizer, 384, LOGITS)
    expect(() => reader.checkOptions(options)).toThrow(message)
    expect(() => reader.checkOptions(options)).toThrow(expect.objectContaining({ code: 'bad-option' }) as Error)
  })

  test('gives back its model', () => {
    const { reader, dispose } = stubbed(tokenizer, 384, LOGITS)
    reader.dispose()
    expect(dispose).toHaveBeenCalledTimes(1)
  })
})

describe('loading', () => {
  test('takes the least probability and the calibration from config.json; what the caller says goes before', async () => {
    const files = await folder({ task_specific_params: { rag: { min_probability: 0.3, calibration: { bias: 1, score: 2 } } } }) // prettier-ignore
    const reader = await SpanReader.fromPretrained(files, { backend })
    expect(reader.minProbability).toBe(0.3)
    expect([reader.calibration.bias, ...reader.calibration.weights]).toEqual([1, ['score', 2]])
    expect((await SpanReader.fromPretrained(files, { backend, minProbability: 0 })).minProbability).toBe(0)
    expect((await SpanReader.fromPretrained(await folder(), { backend })).minProbability).toBe(0.5)
  })

  test('refuses a wrong probability before the model is loaded', async () => {
    const load = vi.spyOn(BertForQuestionAnswering, 'fromPretrained')
    await expect(SpanReader.fromPretrained(await folder(), { backend, minProbability: 2 })).rejects.toMatchObject({ code: 'bad-option' }) // prettier-ignore
    const wrong = await folder({ task_specific_params: { rag: { min_probability: 2 } } })
    await expect(SpanReader.fromPretrained(wrong, { backend })).rejects.toMatchObject({ code: 'config-type' })
    expect(load).not.toHaveBeenCalled()
  })

  test("refuses DPR's reader, which has no score for no answer", async () => {
    const dpr = new Map([
      ...(await changedCheckpoint('dpr/reader', {})),
      ['tokenizer.json', new TextEncoder().encode(JSON.stringify(wordTokenizer))],
    ] as [string, Uint8Array][])
    await expect(SpanReader.fromPretrained(dpr, { backend })).rejects.toMatchObject({ code: 'no-abstention' })
    await expect(SpanReader.fromPretrained(goldenPath('bert/question-answering'), { backend })).rejects.toThrow('tokenizer.json') // prettier-ignore
  })
})
