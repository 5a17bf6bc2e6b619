import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AbortedError, InputError } from '../../../src/errors.js'
import {
  AutoReader,
  Calibration,
  promptMessages,
  PromptReader,
  Rag,
  Reader,
  SpanReader,
  type AskOptions,
} from '../../../src/rag/index.js'
import { byteTokenizer, CHATML, writeSmallFolder } from '../../support/small-tokenizers.js'

const QUESTION = 'What is the capital of France?'
const FRANCE = { title: 'France', text: 'Its capital is Paris.' }
const JAPAN = { title: 'Japan', text: 'Its capital is Tokyo.' }
const TEA = { title: '', text: 'Tea is a drink made of leaves.' }
const passages = [TEA, JAPAN, FRANCE]

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const folder = (name: string, golden: string, chatTemplate?: string, positions = 2048) =>
  writeSmallFolder(join(root, name), {
    golden,
    tokenizer: byteTokenizer,
    chatTemplate,
    config: { max_position_embeddings: positions },
  })
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe.each([
  ['llama/tied', 'llama'],
  ['qwen3/base', 'qwen'],
])('a decoder-only model answers from passages: %s', (golden, name) => {
  let rag: Rag<PromptReader>
  let reader: PromptReader
  beforeAll(async () => {
    reader = await PromptReader.fromPretrained(folder(name, golden, CHATML))
    rag = await Rag.fromPretrained(undefined, { reader })
  })

  test('all stand in the prompt, numbered and best first, in the form of the chat template', async () => {
    const { prompt, passages: read, leftOut, mode } = await rag.ask(QUESTION, { passages, maxNewTokens: 1 })
    expect(mode).toBe('prompt')
    expect(prompt.endsWith(`\n\nQuestion: ${QUESTION}<|im_end|>\n<|im_start|>assistant\n`)).toBe(true)
    const numbered = read.map(({ title, text }, i) => `[${i + 1}] ${title === '' ? '' : `${title}. `}${text}`)
    expect(prompt.startsWith(`<|im_start|>user\nContext:\n${numbered.join('\n')}\n\nAnswer in one`)).toBe(true)
    expect(read.map(({ title }) => title)).toEqual(['France', 'Japan', ''])
    expect(leftOut).toEqual([])
    expect(read[0].score).toBeGreaterThan(read[1].score)
    expect(sum(read.map(({ prior }) => prior))).toBeCloseTo(1, 10)
    expect(Math.log(read[0].prior / read[1].prior)).toBeCloseTo(20 * (read[0].score - read[1].score), 8)
  })

  test('the answer is what the model writes after that prompt, and comes in pieces', async () => {
    const pieces: string[] = []
    const limits = { maxNewTokens: 24, minNewTokens: 12 } // noise likes to end at once
    const { maxNewTokens, ...generation } = limits
    const onText = (piece: string) => pieces.push(piece)
    const answer = await rag.ask(QUESTION, { passages, maxNewTokens, generation, onText })
    const { ids } = reader.tokenizer.encode(answer.prompt)
    const { sequences, logProbs } = await reader.model.generate({ inputIds: [ids] }, limits)
    const written = sequences[0].slice(ids.length)
    expect(answer.tokens.map(({ id }) => id)).toEqual(written)
    expect(answer.logProb).toBeCloseTo(sum(logProbs[0]), 4)
    const text = reader.tokenizer.decode(written)
    expect(pieces.join('')).toBe(text)
    expect(pieces.length).toBeGreaterThan(1)
    expect(answer.tokens.map((token) => token.text).join('')).toBe(text)
    expect(answer.text).toBe(text.trim())
    expect(answer.ended).toBe(written.at(-1) === 2)
  })

  test('cited, the passages have the posterior of RAG-Sequence, each alone in the prompt', async () => {
    const asked = { passages, maxNewTokens: 6, generation: { minNewTokens: 6 } }
    const { passages: plain, tokens } = await rag.ask(QUESTION, asked)
    expect(plain[0]).not.toHaveProperty('posterior')
    const { passages: cited, tokens: same } = await rag.ask(QUESTION, { ...asked, cite: true })
    expect(same).toEqual(tokens)
    const joint: number[] = []
    for (const { title, text, prior } of cited) {
      const { prompt } = await rag.ask(QUESTION, { passages: [{ title, text }], maxNewTokens: 1 })
      const { ids } = reader.tokenizer.encode(prompt)
      const written = tokens.map(({ id }) => id)
      const { logits } = await reader.model.forward({ inputIds: [[...ids, ...written]] })
      const rows = logits.select(0, 0)
      const likelihood = written.reduce((product, id, t) => {
        const row = rows.select(0, ids.length + t - 1).toArray()
        const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0)
        return (product * Math.exp(row[id])) / total
      }, 1)
      joint.push(prior * likelihood)
    }
    cited.forEach(({ posterior }, z) => expect(posterior).toBeCloseTo(joint[z] / sum(joint), 3))
    const alone = await rag.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 1, cite: true })
    expect(alone.passages[0].posterior).toBe(1)
  })

  test('a seed draws the same answer again, beams search and give it at once', async () => {
    const ask = (generation: NonNullable<AskOptions<PromptReader>['generation']>, onText?: (piece: string) => void) =>
      rag.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 12, generation, onText })
    const drawn = await ask({ doSample: true, seed: 3 })
    expect(await ask({ doSample: true, seed: 3 })).toEqual(drawn)
    expect((await ask({ doSample: true, seed: 4 })).text).not.toBe(drawn.text)
    const pieces: string[] = []
    const found = await ask({ numBeams: 3 }, (piece) => pieces.push(piece))
    expect(pieces.map((piece) => piece.trim())).toEqual([found.text])
  })
})

describe('how likely an answer is right', () => {
  const asked = { passages, maxNewTokens: 12, generation: { minNewTokens: 12 } }
  const withConfig = (name: string, rag: object) =>
    writeSmallFolder(join(root, name), {
      golden: 'llama/tied',
      tokenizer: byteTokenizer,
      chatTemplate: CHATML,
      config: { max_position_embeddings: 2048, task_specific_params: { rag } },
    })
  let rag: Rag<PromptReader>
  beforeAll(async () => {
    const reader = await PromptReader.fromPretrained(folder('sure', 'llama/tied', CHATML))
    rag = await Rag.fromPretrained(undefined, { reader })
  })

  test('is, where nothing was learnt, the geometric mean of the probabilities of its tokens', async () => {
    const answer = await rag.ask(QUESTION, asked)
    const product = answer.tokens.reduce((product, { logProb }) => product * Math.exp(logProb), 1)
    expect(answer.probability).toBeCloseTo(product ** (1 / 12), 6)
    expect(answer).toMatchObject({ kind: 'said', abstained: false, written: answer.text })
  })

  test('less than minProbability is refused, in one piece, and what was written stays to be seen', async () => {
    const said = await rag.ask(QUESTION, { ...asked, cite: true })
    const ask = async (minProbability: number) => {
      const pieces: string[] = []
      const onText = (piece: string) => pieces.push(piece)
      return { answer: await rag.ask(QUESTION, { ...asked, cite: true, minProbability, onText }), pieces }
    }
    const given = await ask(said.probability)
    expect(given).toEqual({ answer: said, pieces: [said.text] })
    const refused = await ask(said.probability + 1e-6)
    expect(refused.pieces).toEqual(["I don't know."])
    expect(refused.answer).toEqual({ ...said, text: "I don't know.", kind: 'refused', abstained: true })
  })

  test('comes from config.json: the least, and what it is made of', async () => {
    const calibration = { bias: 0.5, logit: 2, similarity: -1, supported: 3 }
    const learnt = withConfig('learnt', { min_probability: 0.25, calibration })
    const reader = await PromptReader.fromPretrained(learnt)
    expect(reader.minProbability).toBe(0.25)
    expect(reader.calibration).toEqual(new Calibration(0.5, new Map([['logit', 2], ['similarity', -1], ['supported', 3]]))) // prettier-ignore
    expect((await PromptReader.fromPretrained(learnt, { minProbability: 0.5 })).minProbability).toBe(0.5)
    expect(rag.reader.minProbability).toBe(0)
    await expect(PromptReader.fromPretrained(learnt, { minProbability: -1 })).rejects.toThrow('minProbability is -1')

    const { passages: read, tokens, probability, written } = await rag.ask(QUESTION, asked)
    const weighed = read.map(({ prior, ...passage }) => ({ ...passage, logPrior: Math.log(prior) }))
    const own = await reader.answer(QUESTION, weighed, { ...asked, minProbability: 0 })
    expect(own.tokens).toEqual(tokens)
    const words = written.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
    expect(words.some((word) => /capital|paris|france|tea|drink/.test(word))).toBe(false) // noise: nothing is supported
    const sum = 0.5 + 2 * Math.log(probability / (1 - probability)) - read[0].score
    expect(own.probability).toBeCloseTo(1 / (1 + Math.exp(-sum)), 6)
  })

  test.each(["I don't know.", 'I do not know', "i DON'T know!"])('%s is a refusal of its own', async (text) => {
    const { model, tokenizer } = rag.reader
    const { ids } = tokenizer.encode(text)
    vi.spyOn(model, 'stream').mockImplementation(async function* () {
      for (const id of ids) yield { tokens: [id], logProbs: [-0.01] } as never
    })
    expect(await rag.ask(QUESTION, { passages })).toMatchObject({ kind: 'refused', abstained: true, probability: 0, text, written: text }) // prettier-ignore
    const sure = await rag.ask(QUESTION, { passages, minProbability: 0.5 })
    expect(sure).toMatchObject({ kind: 'refused', text, written: text })
  })
})

describe('a context that is too small', () => {
  const long = { title: 'Peru', text: 'Peru is a country. '.repeat(20) }
  let rag: Rag<PromptReader>
  beforeAll(async () => {
    rag = await Rag.fromPretrained(undefined, {
      reader: await PromptReader.fromPretrained(folder('short', 'llama/tied', CHATML, 400)),
    })
  })

  test('leaves out what does not fit, says so, and still reads what comes after it', async () => {
    const question = 'Is Peru a country?'
    const answer = await rag.ask(question, { passages: [long, JAPAN, TEA], maxNewTokens: 20 })
    expect(answer.leftOut.map(({ title }) => title)).toEqual(['Peru'])
    expect(answer.leftOut[0].score).toBeGreaterThan(answer.passages[0].score)
    expect(answer.passages).toHaveLength(2)
    expect(answer.prompt).not.toContain('[3]')
    expect(sum([...answer.passages, ...answer.leftOut].map(({ prior }) => prior))).toBeCloseTo(1, 10)
  })

  test('for every passage is an error that names the lengths', async () => {
    const asked = rag.ask(QUESTION, { passages: [long], maxNewTokens: 20 })
    await expect(asked).rejects.toMatchObject({
      name: 'InputError',
      code: 'too-long',
      message: expect.stringMatching(/the prompt has \d+ tokens even with one passage, 380 fit \(400 that/) as string,
    })
  })
})

test('without a chat template, the prompt is plain text that ends in Answer:', async () => {
  const reader = await PromptReader.fromPretrained(folder('plain', 'llama/tied'))
  const rag = await Rag.fromPretrained(undefined, { reader })
  const { prompt } = await rag.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 1 })
  expect(prompt).toBe(`${promptMessages(QUESTION, [FRANCE])[0].content}\nAnswer:`)
})

test('another format of the prompt may be given', async () => {
  const reader = await PromptReader.fromPretrained(folder('own', 'llama/tied', CHATML), {
    format: (question, read) => [
      { role: 'system', content: read.map(({ text }) => text).join('|') },
      { role: 'user', content: question },
    ],
  })
  const rag = await Rag.fromPretrained(undefined, { reader })
  const { prompt } = await rag.ask('Why?', { passages: [FRANCE], maxNewTokens: 1 })
  expect(prompt).toBe(
    `<|im_start|>system\n${FRANCE.text}<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n`,
  )
})

describe('a pipeline with a reader of the caller', () => {
  let rag: Rag<PromptReader>
  let reader: PromptReader
  beforeAll(async () => {
    reader = await PromptReader.fromPretrained(folder('callers', 'llama/tied', CHATML))
    rag = await Rag.fromPretrained(undefined, { reader })
  })

  test.each<[string, object, string]>([
    [
      'an option of another reader',
      { mode: 'rag-token' },
      'ask: unknown option mode; known: passages, filter, query, topK, candidates, minProbability, maxNewTokens, generation, onText, cite, history, signal',
    ],
    ['maxNewTokens 0', { maxNewTokens: 0 }, 'generate: maxNewTokens is 0, expected a whole number of 1 or more'],
    ['an unknown option of generation', { generation: { beams: 3 } }, 'generate: unknown option beams'],
    ['topK 0', { topK: 0 }, 'ask: topK is 0'],
    ['minProbability 2', { minProbability: 2 }, 'ask: minProbability is 2, expected a number from 0 to 1'],
    ['cite "yes"', { cite: 'yes' }, 'ask: cite is yes, expected true or false'],
  ])('refuses before anything is computed: %s', async (_name, options, message) => {
    const embed = vi.spyOn(rag.encoder, 'embed')
    const answer = rag.ask(QUESTION, options)
    await expect(answer).rejects.toBeInstanceOf(InputError)
    await expect(answer).rejects.toThrow(message)
    expect(embed).not.toHaveBeenCalled()
  })

  test('can be cancelled while the answer is written', async () => {
    const controller = new AbortController()
    let pieces = 0
    const onText = () => {
      if (++pieces === 2) controller.abort()
    }
    const options = { maxNewTokens: 60, generation: { minNewTokens: 60 }, onText, signal: controller.signal }
    const answer = rag.ask(QUESTION, { passages: [FRANCE], ...options })
    await expect(answer).rejects.toBeInstanceOf(AbortedError)
    expect(pieces).toBe(2)
  })

  test('leaves it to the caller to dispose it', async () => {
    rag.dispose()
    const { sequences } = await reader.model.generate({ inputIds: [[5, 6]] }, { maxNewTokens: 1 })
    expect(sequences[0]).toHaveLength(3)
  })
})

test('AutoReader knows from config.json which reader a checkpoint needs', async () => {
  expect(await AutoReader.fromPretrained(folder('auto-llama', 'llama/tied'))).toBeInstanceOf(PromptReader)
  const t5 = await AutoReader.fromPretrained(folder('auto-t5', 't5/v1_0-relu-tied'))
  expect(t5).toBeInstanceOf(Reader)
  expect((t5 as Reader).minProbability).toBe(0) // its config.json names none
  const asRecorded = (golden: string) =>
    writeSmallFolder(join(root, golden), { golden, tokenizer: byteTokenizer, chatTemplate: undefined })
  for (const family of ['bert', 'distilbert', 'roberta', 'mpnet']) {
    const pointing = await AutoReader.fromPretrained(asRecorded(`${family}/question-answering`))
    expect(pointing).toBeInstanceOf(SpanReader)
  }
  const dpr = AutoReader.fromPretrained(asRecorded('dpr/reader'))
  await expect(dpr).rejects.toMatchObject({ code: 'no-abstention' })
  const encoder = AutoReader.fromPretrained(folder('auto-bert', 'bert/base'))
  await expect(encoder).rejects.toMatchObject({ code: 'unknown-class' })
})

test('an encoder-decoder of the caller is read by marginalisation, in the form that it was trained on', async () => {
  const seen: string[] = []
  const t5 = folder('t5', 't5/v1_0-relu-tied')
  const sure = Reader.fromPretrained(t5, { minProbability: 1.1 })
  await expect(sure).rejects.toThrow('minProbability is 1.1, expected a number from 0 to 1')
  const reader = await Reader.fromPretrained(t5, {
    format: ({ text }, question) => {
      seen.push(text)
      return `question: ${question} context: ${text}`
    },
  })
  const rag = await Rag.fromPretrained(undefined, { reader })
  const answer = await rag.ask(QUESTION, { passages, mode: 'rag-sequence', maxNewTokens: 4 })
  expect(seen).toHaveLength(3)
  expect(sum(answer.passages.map(({ posterior }) => posterior))).toBeCloseTo(1, 10)
  expect(answer.logProb).toBeCloseTo(Math.max(...answer.candidates.map(({ logProb }) => logProb)), 10)
})
