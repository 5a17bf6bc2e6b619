import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkQuestion, contentTokens, rate, withoutWord, type Case, type Drop } from '../../bench/causal-check.js'
import { Rag, readerInput } from '../../src/rag/index.js'
import { runScript } from '../support/cli.js'

const drop = (drop: number, others: number): Drop => ({ word: 'word', drop, others, isGreatest: drop > others })
const noWord = (drop: number, others: number): Drop => ({ word: undefined, drop, others, isGreatest: false })
const of = (question: string, named: Drop): Case => ({
  question,
  token: 't',
  inQuestion: false,
  named,
  raw: noWord(0, 0.1),
})

test('the rate, counted by hand', () => {
  const cases = [
    of('a', drop(0.5, 0.1)), // more than another
    of('a', drop(0.3, 0.3)), // as much
    of('b', drop(-0.2, 0)), // less
    of('b', drop(0.2, 0.1)), // more
    of('b', noWord(0.2, -0.3)), // names no word
  ]
  const named = rate(cases, 'named')
  expect(named).toMatchObject({ cases: 5, rate: 2 / 5 })
  expect(named.drop).toBeCloseTo((0.5 + 0.3 - 0.2 + 0.2 + 0.2) / 5, 12)
  expect(named.others).toBeCloseTo((0.1 + 0.3 + 0 + 0.1 - 0.3) / 5, 12)
  // a sample is two questions: of a alone 1/2, of b alone 1/3
  expect([named.low, named.high]).toEqual([1 / 3, 1 / 2])
  expect(rate(cases, 'raw')).toMatchObject({ rate: 0, greatest: 0 })
})

test('a word goes with one space beside it', () => {
  const without = (text: string, word: string) =>
    withoutWord(text, { start: text.indexOf(word), end: text.indexOf(word) + word.length })
  expect(without('Its capital is Paris.', 'capital')).toBe('Its is Paris.')
  expect(without('Its capital is Paris.', 'Paris')).toBe('Its capital is.')
  expect(without('France', 'France')).toBe('')
})

test('content tokens are those of words that say something', () => {
  const tokens = ['The', ' capital', ' of', ' France', ' is', ' Par', 'is', '.', ''].map((text) => ({ text }))
  expect(contentTokens({ text: 'The capital of France is Paris.', tokens })).toEqual([
    { token: 1, word: 'capital' },
    { token: 3, word: 'France' },
    { token: 5, word: 'Paris' },
    { token: 6, word: 'Paris' },
  ])
})

describe('with the default pipeline', () => {
  test('a drop is that of asking again without the word', async () => {
    const question = 'What is the capital of France?'
    const rag = await Rag.fromPretrained()
    const cases = await checkQuestion(rag, question)
    const { tokens, passages } = await rag.ask(question)
    const paris = cases.find(({ token }) => token === ' Par')!
    expect(paris).toMatchObject({ inQuestion: false, named: { word: 'Paris', isGreatest: true } })

    const { model, tokenizer } = rag.reader
    const ids = tokens.map(({ id }) => id)
    const t = tokens.findIndex(({ text }) => text === ' Par')
    const probability = async (text: string) => {
      const inputIds = [tokenizer.encode(readerInput({ ...passages[0], text }, question)).ids]
      const { logits } = await model.forward({ inputIds, labels: [ids] })
      const row = [...logits.select(0, 0).select(0, t).toArray()].map(Math.exp)
      return row[ids[t]] / row.reduce((sum, value) => sum + value, 0)
    }
    const { text } = passages[0]
    const byHand = (await probability(text)) - (await probability(text.replace(' Paris', '')))
    expect(paris.named.drop).toBeCloseTo(byHand, 4)
    rag.dispose()
  })

  test('the command prints its rates, progress apart from them, and refuses unknown options', async () => {
    const script = fileURLToPath(new URL('../../bench/provenance.ts', import.meta.url))
    const { code, stdout, stderr } = await runScript(script, ['--limit', '1', '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'asked 1/1\n' })
    expect(JSON.parse(stdout)).toMatchObject({ questions: 1, answered: expect.any(Number) as number })
    expect(await runScript(script, ['--fast'])).toMatchObject({ code: 2, stdout: '' })
  })
})
