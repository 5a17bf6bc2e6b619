import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InputError } from '../../../src/errors.js'
import {
  PromptReader,
  Rag,
  Reader,
  readerInput,
  type Answer,
  type AnswerToken,
  type AskOptions,
  type Source,
} from '../../../src/rag/index.js'
import { byteTokenizer, writeSmallFolder } from '../../support/small-tokenizers.js'
import { weightsPath } from '../../support/weights.js'

const QUESTION = 'What is the capital of France?'
const FRANCE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const JAPAN = { title: 'Japan', text: 'Japan is a country in Asia, east of Korea and of China. Its capital is Tokyo.' }
const TEA = { title: '', text: 'Tea is a drink made of leaves.' }
const PASSAGES = [FRANCE, JAPAN, TEA]

let rag: Rag
beforeAll(async () => {
  rag = await Rag.fromPretrained(undefined, { reader: await Reader.fromPretrained(weightsPath('reader')) })
})
const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
afterAll(() => rmSync(root, { recursive: true }))

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The word that a source names. */
function wordOf({ passages, question }: Answer, { field, passage, start, end }: Source): string {
  return (field === 'question' ? question : passages[passage][field]).slice(start, end)
}

const tokenOf = ({ tokens }: Answer, text: string): AnswerToken => tokens.find((token) => token.text === text)!

/** p(token|passage, tokens before) from one forward pass with labels, in plain probabilities. [token] */
async function likelihoods(passage: { title: string; text: string }, tokens: readonly AnswerToken[]) {
  const { model, tokenizer } = rag.reader
  const ids = tokens.map(({ id }) => id)
  const inputIds = [tokenizer.encode(readerInput(passage, QUESTION)).ids]
  const { logits } = await model.forward({ inputIds, labels: [ids] })
  return ids.map((id, t) => {
    const row = [...logits.select(0, 0).select(0, t).toArray()]
    return Math.exp(row[id]) / sum(row.map(Math.exp))
  })
}

describe('the posterior over passages after each token', () => {
  // The weights before the answer, and whether what a token says about the passages is kept for the next one.
  test.each<[NonNullable<AskOptions['mode']>, (answer: Answer) => number[], boolean]>([
    ['rag-sequence', ({ passages }) => passages.map(({ prior }) => prior), true],
    ['rag-token', ({ passages }) => passages.map(({ prior }) => prior), false],
    ['conditioned', ({ passages }) => passages.map(({ prior, pAbstain }) => prior * (1 - pAbstain)), true],
  ])('under %s is that of Bayes from the likelihoods of single passes', async (mode, weightsOf, keeps) => {
    const answer = await rag.ask(QUESTION, { passages: PASSAGES, mode })
    const byPassage: number[][] = []
    for (const passage of answer.passages) byPassage.push(await likelihoods(passage, answer.tokens))
    let weights = weightsOf(answer)
    answer.tokens.forEach(({ posterior }, t) => {
      const joint = weights.map((weight, z) => weight * byPassage[z][t])
      const expected = joint.map((value) => value / sum(joint))
      expected.forEach((value, z) => expect(Math.abs(posterior[z] - value), `token ${t}`).toBeLessThan(1e-5))
      expect(sum(posterior)).toBeCloseTo(1, 10)
      if (keeps) weights = joint
    })
  })
})

describe('the sources of each token', () => {
  test('change nothing else, and are not there unless asked for', async () => {
    const plain = await rag.ask(QUESTION, { passages: PASSAGES })
    const withSources = await rag.ask(QUESTION, { passages: PASSAGES, sources: true })
    expect(plain.tokens.some((token) => 'sources' in token)).toBe(false)
    expect(withSources.text).toBe(plain.text)
    withSources.tokens.forEach(({ logProb, posterior }, t) => {
      expect(logProb).toBeCloseTo(plain.tokens[t].logProb, 4)
      posterior.forEach((value, z) => expect(value).toBeCloseTo(plain.tokens[t].posterior[z], 4))
    })
  })

  test.each(['conditioned', 'rag-sequence', 'rag-token'] as const)(
    'are whole words of what was read: %s',
    async (mode) => {
      const answer = await rag.ask(QUESTION, { passages: PASSAGES, sources: true, mode })
      const words = new Set([...PASSAGES.flatMap(({ title, text }) => [title, text]), QUESTION].flatMap((text) => text.match(/\w+/g) ?? [])) // prettier-ignore
      for (const { sources } of answer.tokens) {
        const weights = sources!.map(({ weight }) => weight)
        expect(weights).toEqual([...weights].sort((a, b) => b - a))
        expect(sum(weights)).toBeLessThanOrEqual(1 + 1e-6)
        expect(Math.min(...weights)).toBeGreaterThanOrEqual(0.01)
        for (const source of sources!) expect(words).toContain(wordOf(answer, source))
        const places = sources!.map(({ field, passage, start }) => JSON.stringify([field, passage, start]))
        expect(new Set(places).size).toBe(places.length)
      }
    },
  )

  test('name the passage where it knows, and the question where that was copied', async () => {
    const answer = await rag.ask(QUESTION, { passages: PASSAGES, sources: true })
    const best = (text: string) => tokenOf(answer, text).sources![0]
    expect(wordOf(answer, best(' Par'))).toBe('Paris')
    expect(best(' Par')).toMatchObject({ field: 'text', passage: 0, start: FRANCE.text.indexOf('Paris') })
    expect(wordOf(answer, best(' capital'))).toBe('capital')
    expect(best(' capital')).toMatchObject({ field: 'question', start: QUESTION.indexOf('capital') })
    expect(best(' capital')).not.toHaveProperty('passage')
  })

  test('weigh what the attentions of the forward pass weigh, each passage by its posterior', async () => {
    const answer = await rag.ask(QUESTION, { passages: PASSAGES, sources: true })
    const { model, tokenizer } = rag.reader
    const labels = [answer.tokens.map(({ id }) => id)]
    /** Of token t, what goes to these tokens of the input with passage z: the mean over the heads of all layers. */
    const attention = async (t: number, z: number, spellings: readonly string[]) => {
      const { ids, tokens } = tokenizer.encode(readerInput(answer.passages[z], QUESTION))
      const { crossAttentions } = await model.forward({ inputIds: [ids], labels }, { outputAttentions: true })
      const rows = crossAttentions!.flatMap((layer) =>
        Array.from({ length: layer.shape[1] }, (_, head) => layer.select(0, 0).select(0, head).select(0, t).toArray()),
      )
      const first = tokens.findLastIndex((_, i) => spellings.every((spelling, at) => tokens[i + at] === spelling))
      expect(first).toBeGreaterThan(0)
      return sum(rows.flatMap((row) => spellings.map((_, at) => row[first + at]))) / rows.length
    }
    const t = answer.tokens.findIndex(({ text }) => text === ' Par')
    const paris = answer.tokens[t].sources!.find((source) => wordOf(answer, source) === 'Paris')!
    expect(paris.weight).toBeCloseTo(answer.tokens[t].posterior[0] * (await attention(t, 0, ['ĠPar', 'is'])), 5)

    const [{ sources, posterior }] = answer.tokens
    const capital = sources!.find((source) => source.field === 'question' && wordOf(answer, source) === 'capital')!
    let expected = 0 // a word of the question is read with every passage
    for (const z of PASSAGES.keys()) expected += posterior[z] * (await attention(0, z, ['Ġcapital']))
    expect(capital.weight).toBeCloseTo(expected, 5)
  })

  test('have places in UTF-16 units, whatever stands before the word', async () => {
    const text = '🙂🙂  Arlén – “北京” is a country.  Its capital is  Brask.'
    const question = 'What is the capital of Arlén?'
    // The reader makes up an answer to this; where its words come from is to be told all the same.
    const answer = await rag.ask(question, {
      passages: [{ title: '👩‍👩‍👧 Arlén', text }],
      sources: true,
      minProbability: 0,
    })
    const named = answer.tokens.flatMap(({ sources }) => sources!.map((source) => wordOf(answer, source)))
    expect(named).toContain('Brask')
    for (const word of named) expect(word).toMatch(/^[\p{L}\p{M}\p{N}]+$/u)
  })
})

describe('other readers', () => {
  test('with a format of their own: the words are found where it puts them', async () => {
    const format = ({ title, text }: { title: string; text: string }, question: string) =>
      `question: ${question} context: ${title} ${text} `
    const reader = await Reader.fromPretrained(weightsPath('reader'), { format })
    const own = await Rag.fromPretrained(undefined, { reader })
    const answer = await own.ask(QUESTION, { passages: [FRANCE], sources: true })
    const words = answer.tokens.flatMap(({ sources }) => sources!).map((source) => wordOf(answer, source))
    expect(words.length).toBeGreaterThan(0)
    for (const word of words) expect(`${FRANCE.text} ${QUESTION}`.match(/\w+/g)).toContain(word)
  })

  test('whose format alters the passage: an error, before anything is read', async () => {
    const format = ({ text }: { text: string }, question: string) => `${text.toUpperCase()} ${question}`
    const reader = await Reader.fromPretrained(weightsPath('reader'), { format })
    const own = await Rag.fromPretrained(undefined, { reader })
    const answer = own.ask(QUESTION, { passages: [FRANCE], sources: true })
    await expect(answer).rejects.toBeInstanceOf(InputError)
    await expect(answer).rejects.toMatchObject({ code: 'unplaceable-format' })
    await own.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 1 })
  })

  test('a BART has them too', async () => {
    const folder = writeSmallFolder(join(root, 'bart'), { golden: 'bart/base', tokenizer: byteTokenizer })
    const reader = await Reader.fromPretrained(folder)
    const own = await Rag.fromPretrained(undefined, { reader })
    const passages = [{ title: 'Ba', text: 'Ca da.' }, { text: 'Fa ga.' }] // noise has few positions
    const answer = await own.ask('Ha?', { passages, sources: true, mode: 'rag-token', maxNewTokens: 4 })
    const words = answer.tokens.flatMap(({ sources }) => sources!).map((source) => wordOf(answer, source))
    expect(words.length).toBeGreaterThan(0)
    for (const word of words) expect(['Ba', 'Ca', 'da', 'Fa', 'ga', 'Ha']).toContain(word)
  })

  test('a decoder alone has no cross-attention, so the option is unknown there', async () => {
    const folder = writeSmallFolder(join(root, 'llama'), { golden: 'llama/tied', tokenizer: byteTokenizer })
    const own = await Rag.fromPretrained(undefined, { reader: await PromptReader.fromPretrained(folder) })
    const options = { passages: [FRANCE], sources: true } as AskOptions<PromptReader>
    await expect(own.ask(QUESTION, options)).rejects.toMatchObject({ name: 'InputError', code: 'unknown-option' })
  })

  test('a value that is neither true nor false is refused', async () => {
    const options = { sources: 'yes' } as unknown as AskOptions
    await expect(rag.ask(QUESTION, options)).rejects.toThrow('ask: sources is yes, expected true or false')
  })
})
