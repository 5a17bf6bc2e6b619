import { describe, expect, test } from 'vitest'
import { LlamaForCausalLM, type CausalInputs } from '../../src/models/index.js'
import { ALL_BACKENDS } from '../support/backends.js'
import { goldenPath } from '../support/goldens.js'

const PREFIX = [5, 17, 9, 30, 8, 2]

describe.each(ALL_BACKENDS)('a kept prompt on $name', ({ create }) => {
  const cases: [string, CausalInputs['inputIds']][] = [
    ['the whole of it and more', [[...PREFIX, 11, 12]]],
    ['a part of it', [[5, 17, 9, 44, 45]]],
    ['exactly it', [PREFIX]],
    ['nothing of it', [[60, 61, 62]]],
    ['a batch whose rows part later', [[...PREFIX, 11], [...PREFIX.slice(0, 5), 3, 12]]], // prettier-ignore
  ]
  test.each(cases)('%s: equal ids, and only the rest is read', async (_, inputIds) => {
    const model = await LlamaForCausalLM.fromPretrained(goldenPath('llama/tied'), { backend: await create() })
    const promptCache = await model.readPrompt(PREFIX)
    const read: number[] = []
    const hooks = { 'layers.0.resid_pre': (x: { shape: readonly number[] }) => void read.push(x.shape[1]) }
    const options = { maxNewTokens: 6, numBeams: 2 }
    const expected = await model.generate({ inputIds }, options)
    const point = model.hookPoints().find(({ name }) => name.endsWith('0.resid_pre'))!.name
    const got = await model.generate(
      { inputIds, promptCache },
      { ...options, hooks: { [point]: hooks['layers.0.resid_pre'] } },
    )
    expect(got.sequences).toEqual(expected.sequences)
    const rows = inputIds as number[][]
    const known = PREFIX.findIndex((token, i) => rows.some((row) => row[i] !== token))
    const used = Math.min(known < 0 ? PREFIX.length : known, rows[0].length - 1)
    expect(read[0]).toBe(rows[0].length - used)
    // It is as it was: another generation may begin with it.
    expect((await model.generate({ inputIds, promptCache }, options)).sequences).toEqual(expected.sequences)
    promptCache.dispose()
  })

  test('the log-probabilities of what follows are those of one pass over the whole, with a kept prompt or without', async () => {
    const model = await LlamaForCausalLM.fromPretrained(goldenPath('llama/tied'), { backend: await create() })
    const [prompt, continuation] = [
      [...PREFIX, 11],
      [12, 3, 40],
    ]
    const { logits } = await model.forward({ inputIds: [[...prompt, ...continuation]] })
    const expected = continuation.map((id, t) => {
      const row = logits.select(0, 0).select(0, prompt.length + t - 1).toArray() // prettier-ignore
      return row[id] - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0))
    })
    const promptCache = await model.readPrompt(PREFIX)
    for (const options of [{}, { promptCache }]) {
      const logProbs = await model.score(prompt, continuation, options)
      expect(logProbs).toHaveLength(3)
      logProbs.forEach((logProb, t) => expect(Math.abs(logProb - expected[t])).toBeLessThan(1e-4))
    }
    promptCache.dispose()
    await expect(model.score([], [1])).rejects.toThrow('score: the prompt has no tokens')
    await expect(model.score([1], [])).rejects.toThrow('score: the continuation has no tokens')
  })

  test('right padding of a prompt is refused', async () => {
    const model = await LlamaForCausalLM.fromPretrained(goldenPath('llama/tied'), { backend: await create() })
    const inputs = { inputIds: [[5, 6, 0]], attentionMask: [[1, 1, 0]] }
    await expect(model.generate(inputs)).rejects.toThrow('pad on the left')
  })
})
