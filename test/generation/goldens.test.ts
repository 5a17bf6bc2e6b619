import { describe, expect, test } from 'vitest'
import { AutoModel, GenerativeModel } from '../../src/models/index.js'
import { ALL_BACKENDS } from '../support/backends.js'
import { generationCases, generationFolders } from '../support/generation.js'
import { goldenPath } from '../support/goldens.js'

const folders = generationFolders()

test('there are recorded generations', () => expect(folders).toContain('t5/gated-tied'))

describe.each(ALL_BACKENDS)('generation on $name', ({ create }) => {
  describe.each(folders)('%s', (folder) => {
    test.each(generationCases(folder))('$name: ids and scores are those of transformers', async (golden) => {
      const backend = await create()
      const model = await AutoModel.fromPretrained(goldenPath(folder), { backend })
      if (!(model instanceof GenerativeModel)) throw new TypeError(`${folder} does not generate`)
      const inputs = { inputIds: golden.input_ids, attentionMask: golden.attention_mask }
      const { sequences, sequencesScores } = await model.generate(inputs, golden.options)
      expect(sequences).toEqual(golden.output_ids)
      const scores = golden.sequences_scores ?? []
      expect(sequencesScores ?? []).toHaveLength(scores.length)
      sequencesScores?.forEach((score, i) => expect(Math.abs(score - scores[i])).toBeLessThan(1e-4))
    })
  })
})
