import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Rag } from '../../src/rag/index.js'
import { BACKENDS } from '../support/backends.js'
import { goldenJson } from '../support/goldens.js'

/**
 * The stated tolerance of int8: the cosine of a text's vector with that of float weights. Over the 200 questions of
 * `npm run eval -- --int8` the least is 0.9955.
 */
const LEAST_COSINE = 0.993

const { questions } = goldenJson<{ questions: { question: string; answer: string }[] }>('default-rag/default-rag.json')

describe.each(BACKENDS)('int8 weights on $name', ({ create }) => {
  let float: Rag
  let int8: Rag
  beforeAll(async () => {
    const backend = await create()
    float = await Rag.fromPretrained(undefined, { backend })
    int8 = await Rag.fromPretrained(undefined, { backend, dtype: 'int8' })
  })
  afterAll(() => {
    float.dispose()
    int8.dispose()
  })

  test('sentence vectors are near those of float weights', async () => {
    const texts = questions.map(({ question }) => question)
    const [a, b] = [await int8.encoder.embed(texts), await float.encoder.embed(texts)]
    const width = float.encoder.dimension
    texts.forEach((text, i) => {
      const dot = a.slice(i * width, (i + 1) * width).reduce((sum, value, d) => sum + value * b[i * width + d], 0)
      expect(dot, text).toBeGreaterThan(LEAST_COSINE)
    })
  })

  test('a vector does not depend on its batch', async () => {
    const texts = ['Tea.', 'A man is playing guitar.', 'The cat sits outside, and the dog sits inside the house.']
    const together = await int8.encoder.embed(texts)
    const alone = await int8.encoder.embed([texts[0]])
    alone.forEach((value, i) => expect(Math.abs(value - together[i])).toBeLessThan(1e-6))
  })

  test('the seed question is answered', async () => {
    const { text } = await int8.ask('What is the capital of France?', {
      passages: [{ title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }],
    })
    expect(text).toBe('The capital of France is Paris.')
  })
})
