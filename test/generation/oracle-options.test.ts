/**
 * Options that the goldens of the families leave out, as record_options.py has transformers follow them.
 */
import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import { AutoModel, GenerativeModel } from '../../src/models/index.js'
import { toOptions } from '../support/generation.js'
import { goldenJson, goldenPath, type GoldenGeneration } from '../support/goldens.js'

const { generate } = goldenJson<{ readonly generate: readonly (GoldenGeneration & { readonly folder: string })[] }>(
  'generation',
  'options.json',
)

describe('options as transformers follows them', () => {
  test.each(generate)('$folder $args', async ({ folder, args, ...golden }) => {
    const model = await AutoModel.fromPretrained(goldenPath(folder), { backend: referenceBackend() })
    if (!(model instanceof GenerativeModel)) throw new TypeError(`${folder} does not generate`)
    const inputs = { inputIds: golden.input_ids, attentionMask: golden.attention_mask }
    const { sequences, sequencesScores = [] } = await model.generate(inputs, toOptions(args))
    expect(sequences).toEqual(golden.output_ids)
    const scores = golden.sequences_scores ?? []
    expect(sequencesScores).toHaveLength(scores.length)
    // A negative length penalty multiplies: scores reach thousands.
    sequencesScores.forEach((score, i) => {
      expect(Math.abs(score - scores[i])).toBeLessThan(1e-4 + 1e-5 * Math.abs(scores[i]))
    })
  })
})
