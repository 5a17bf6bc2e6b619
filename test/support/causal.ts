/**
 * The tests that every decoder-only family has: all recorded passes and greedy generations of its cases, on every backend.
 */
import { describe, expect, test } from 'vitest'
import type { FolderLike } from '../../src/files/folder.js'
import type { CausalLM, FromPretrainedOptions } from '../../src/models/index.js'
import { ALL_BACKENDS } from './backends.js'
import { goldenCase, goldenPath, goldenTensors } from './goldens.js'
import { greedyCases } from './greedy.js'
import { expectOutputs } from './outputs.js'

interface CausalClass {
  readonly name: string
  fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<CausalLM>
}

/** @param folders under test/goldens */
export function testCausal(family: string, modelClass: CausalClass, folders: readonly string[]): void {
  describe.each(ALL_BACKENDS)(`${family} on $name`, ({ create }) => {
    describe.each(folders)('%s', (folder) => {
      test.each(goldenCase(folder).forward)(
        `$file: ${modelClass.name} gives what transformers gives`,
        async ({ file, inputs, outputs }) => {
          const golden = await goldenTensors(folder, file)
          const model = await modelClass.fromPretrained(goldenPath(folder), { backend: await create() })
          const given = (name: string) => (name in inputs ? golden.ids(name) : undefined)
          const call = {
            inputIds: golden.ids('input_ids'),
            attentionMask: given('attention_mask'),
            positionIds: given('position_ids'),
            labels: given('labels'),
          }
          const where = call.positionIds && call.attentionMask // left padding: the rows of padding are not compared
          const options = { outputHiddenStates: true, outputAttentions: true }
          expectOutputs(await model.forward(call, options), { golden, outputs, where })
          // Positions are those that transformers' generate() counts, where the caller gives none.
          const counted = await model.forward({ ...call, positionIds: undefined }, options)
          expectOutputs(counted, { golden, outputs, where })
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
