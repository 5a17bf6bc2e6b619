/**
 * The tests that every encoder-decoder family has: all recorded passes and greedy generations of its cases, on every backend.
 */
import { describe, expect, test } from 'vitest'
import type { FolderLike } from '../../src/files/folder.js'
import type { FromPretrainedOptions, Seq2SeqLM } from '../../src/models/index.js'
import { ALL_BACKENDS } from './backends.js'
import { goldenCase, goldenPath, goldenTensors } from './goldens.js'
import { greedyCases } from './greedy.js'
import { expectOutputs } from './outputs.js'

interface Seq2SeqClass {
  readonly name: string
  fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Seq2SeqLM>
}

/** @param folders under test/goldens */
export function testSeq2Seq(family: string, modelClass: Seq2SeqClass, folders: readonly string[]): void {
  describe.each(ALL_BACKENDS)(`${family} on $name`, ({ create }) => {
    describe.each(folders)('%s', (folder) => {
      test.each(goldenCase(folder).forward)(
        `$file: ${modelClass.name} gives what transformers gives`,
        async ({ file, inputs, outputs }) => {
          const golden = await goldenTensors(folder, file)
          const model = await modelClass.fromPretrained(goldenPath(folder), { backend: await create() })
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
          expectOutputs(output, { golden, outputs })
        },
      )

      test.each(greedyCases(folder))('$name writes the ids of transformers', async ({ options, ...golden }) => {
        const model = await modelClass.fromPretrained(goldenPath(folder), { backend: await create() })
        const inputs = { inputIds: golden.input_ids, attentionMask: golden.attention_mask }
        const { sequences } = await model.generate(inputs, options)
        expect(sequences).toEqual(golden.output_ids)
      })
    })
  })
}
