import { describe, expect, test } from 'vitest'
import { pool } from '../../src/layers/index.js'
import { BertModel } from '../../src/models/bert.js'
import { BACKENDS } from '../support/backends.js'
import { expectClose, goldenCase, goldenPath, goldenTensors, TOLERANCE } from '../support/goldens.js'

describe.each(BACKENDS)('BERT on $name', ({ create }) => {
  // The sharded folders hold the weights of bert/base, two of them narrowed: the oracle's results are recorded for each.
  for (const folder of [
    'bert/base',
    'safetensors/sharded-f32',
    'safetensors/sharded-fp16',
    'safetensors/sharded-bf16',
  ]) {
    test.each(goldenCase(folder).forward)(
      `${folder}/$file: states, attentions, pooler and pooling`,
      async ({ file, inputs, outputs }) => {
        const golden = await goldenTensors(folder, file)
        const model = await BertModel.fromPretrained(goldenPath(folder), { backend: await create() })
        const attentionMask = golden.ids('attention_mask')
        const output = await model.forward(
          {
            inputIds: golden.ids('input_ids'),
            attentionMask,
            tokenTypeIds: 'token_type_ids' in inputs ? golden.ids('token_type_ids') : undefined,
          },
          { outputHiddenStates: true, outputAttentions: true },
        )
        expectClose(output.lastHiddenState, golden.float('last_hidden_state'), TOLERANCE.states, 'last_hidden_state')
        expectClose(output.poolerOutput, golden.float('pooler_output'), TOLERANCE.states, 'pooler_output')
        expect(output.hiddenStates).toHaveLength(outputs.filter((name) => name.startsWith('hidden_states')).length)
        output.hiddenStates?.forEach((state, i) =>
          expectClose(state, golden.float(`hidden_states.${i}`), TOLERANCE.states, `state ${i}`),
        )
        output.attentions?.forEach((probs, i) =>
          expectClose(probs, golden.float(`attentions.${i}`), TOLERANCE.probabilities, `probs ${i}`),
        )
        for (const name of outputs.filter((name) => name.startsWith('pooling.'))) {
          const [, mode, normalized] = /^pooling\.(mean|cls)(_normalized)?$/.exec(name)!
          const pooled = pool(output.lastHiddenState, attentionMask, {
            mode: mode as 'mean' | 'cls',
            normalize: normalized !== undefined,
          })
          expectClose(pooled, golden.float(name), TOLERANCE.states, name)
        }
      },
    )
  }

  test('a text longer than the positions is refused with both lengths', async () => {
    const model = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: await create() })
    const inputIds = [new Array<number>(41).fill(5)]
    await expect(model.forward({ inputIds })).rejects.toThrow('the text has 41 tokens, this model reads at most 40')
  })
})
