import { describe, expect, test } from 'vitest'
import { T5EncoderModel, T5ForConditionalGeneration } from '../../src/models/t5.js'
import { pool } from '../../src/layers/index.js'
import { BACKENDS } from '../support/backends.js'
import { expectClose, goldenCase, goldenPath, goldenTensors, TOLERANCE } from '../support/goldens.js'

const CONDITIONAL = ['t5/v1_0-relu-tied', 't5/v1_1-gated-untied', 't5/gated-tied']
/** Options of greedy goldens and ours. */
const OPTION: Readonly<Record<string, string>> = {
  max_new_tokens: 'maxNewTokens',
  max_length: 'maxLength',
  min_new_tokens: 'minNewTokens',
  min_length: 'minLength',
}

describe.each(BACKENDS)('T5 on $name', ({ create }) => {
  for (const folder of CONDITIONAL) {
    for (const { file, inputs, outputs } of goldenCase(folder).forward) {
      test(`${folder}/${file}: states, attentions, logits and loss are those of transformers`, async () => {
        const golden = await goldenTensors(folder, file)
        const model = await T5ForConditionalGeneration.fromPretrained(goldenPath(folder), { backend: await create() })
        const given = (name: string) => (name in inputs ? golden.ids(name) : undefined)
        const output = await model.forward(
          {
            inputIds: golden.ids('input_ids'),
            attentionMask: given('attention_mask'),
            decoderInputIds: given('decoder_input_ids'),
            decoderAttentionMask: given('decoder_attention_mask'),
            labels: given('labels'),
          },
          { outputHiddenStates: true, outputAttentions: true },
        )
        const lists = {
          encoder_hidden_states: output.encoderHiddenStates,
          encoder_attentions: output.encoderAttentions,
          decoder_hidden_states: output.decoderHiddenStates,
          decoder_attentions: output.decoderAttentions,
          cross_attentions: output.crossAttentions,
        }
        for (const name of outputs) {
          const [list, index] = name.split('.')
          if (name === 'loss') expect(output.loss).toBeCloseTo(golden.float('loss').toArray()[0], 4)
          else if (name === 'logits') expectClose(output.logits, golden.float(name), TOLERANCE.states, name)
          else if (name === 'encoder_last_hidden_state') {
            expectClose(output.encoderLastHiddenState, golden.float(name), TOLERANCE.states, name)
          } else {
            const tensor = lists[list as keyof typeof lists]?.[Number(index)]
            const tolerance = list.endsWith('attentions') ? TOLERANCE.probabilities : TOLERANCE.states
            expectClose(tensor, golden.float(name), tolerance, name)
          }
        }
      })
    }

    const greedy = goldenCase(folder).generate!.filter(({ args }) =>
      Object.keys(args).every((key) => key in OPTION || (key === 'use_cache' && args[key] === false)),
    )
    test.each(greedy)(`${folder}: $name writes the ids of transformers`, async ({ args, ...golden }) => {
      const model = await T5ForConditionalGeneration.fromPretrained(goldenPath(folder), { backend: await create() })
      const options = Object.fromEntries(
        Object.entries(args)
          .filter(([key]) => key in OPTION)
          .map(([key, value]) => [OPTION[key], value]),
      )
      const { sequences } = await model.generate(
        { inputIds: golden.input_ids, attentionMask: golden.attention_mask },
        options,
      )
      expect(sequences).toEqual(golden.output_ids)
    })
  }

  test.each(goldenCase('t5/encoder').forward)('t5/encoder/$file: states, attentions and pooling', async ({ file }) => {
    const golden = await goldenTensors('t5/encoder', file)
    const model = await T5EncoderModel.fromPretrained(goldenPath('t5/encoder'), { backend: await create() })
    const attentionMask = golden.ids('attention_mask')
    const output = await model.forward(
      { inputIds: golden.ids('input_ids'), attentionMask },
      { outputHiddenStates: true, outputAttentions: true },
    )
    expectClose(output.lastHiddenState, golden.float('last_hidden_state'), TOLERANCE.states, 'last_hidden_state')
    output.hiddenStates?.forEach((state, i) =>
      expectClose(state, golden.float(`hidden_states.${i}`), TOLERANCE.states, `state ${i}`),
    )
    output.attentions?.forEach((probs, i) =>
      expectClose(probs, golden.float(`attentions.${i}`), TOLERANCE.probabilities, `probs ${i}`),
    )
    for (const mode of ['mean', 'cls'] as const) {
      for (const normalize of [false, true]) {
        const name = `pooling.${mode}${normalize ? '_normalized' : ''}`
        expectClose(
          pool(output.lastHiddenState, attentionMask, { mode, normalize }),
          golden.float(name),
          TOLERANCE.states,
          name,
        )
      }
    }
  })
})
