/**
 * The tests that every encoder family has: all recorded passes of its cases, on every backend.
 */
import { describe, test } from 'vitest'
import type { FolderLike } from '../../src/files/folder.js'
import type { FromPretrainedOptions, Model, QuestionAnsweringInputs, RunOptions } from '../../src/models/index.js'
import { ALL_BACKENDS } from './backends.js'
import { goldenCase, goldenPath, goldenTensors } from './goldens.js'
import { expectOutputs } from './outputs.js'

interface EncoderClass {
  readonly name: string
  fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<Model & { forward(inputs: QuestionAnsweringInputs, options?: RunOptions): Promise<object> }>
}

/** @param cases folders under test/goldens with the class that loads each */
export function testEncoders(family: string, cases: Readonly<Record<string, EncoderClass>>): void {
  describe.each(ALL_BACKENDS)(`${family} on $name`, ({ create }) => {
    for (const [folder, modelClass] of Object.entries(cases)) {
      test.each(goldenCase(folder).forward)(
        `${folder}/$file: ${modelClass.name} gives what transformers gives`,
        async ({ file, inputs, outputs }) => {
          const golden = await goldenTensors(folder, file)
          const model = await modelClass.fromPretrained(goldenPath(folder), { backend: await create() })
          const given = (name: string) => (name in inputs ? golden.ids(name) : undefined)
          const output = await model.forward(
            {
              inputIds: golden.ids('input_ids'),
              attentionMask: given('attention_mask'),
              tokenTypeIds: given('token_type_ids'),
              startPositions: given('start_positions'),
              endPositions: given('end_positions'),
            },
            { outputHiddenStates: true, outputAttentions: true },
          )
          expectOutputs(output, { golden, outputs })
        },
      )
    }
  })
}
