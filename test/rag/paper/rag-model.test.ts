import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.js'
import { RagModel } from '../../../src/rag/index.js'
import { SafetensorsFile, writeSafetensors } from '../../../src/safetensors/index.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { expectClose, goldenPath, goldenTensors, TOLERANCE } from '../../support/goldens.js'

const FOLDER = 'rag/token-t5'
const config = JSON.parse(readFileSync(goldenPath(FOLDER, 'config.json'), 'utf8')) as Record<string, unknown>

/** The checkpoint with other tensor names and config fields. */
async function folder(rename: (name: string) => string, fields: object = {}): Promise<Map<string, Uint8Array>> {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(FOLDER, 'model.safetensors'))))
  const tensors = new Map<string, Tensor>()
  for (const name of file.tensors.keys()) tensors.set(rename(name), await file.tensor(name))
  return new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...fields }))],
    ['model.safetensors', writeSafetensors(tensors)],
  ])
}

const options = () => ({ backend: referenceBackend() })

test('a RagModel that was saved alone, without the prefix, gives the logits of every passage', async () => {
  const model = await RagModel.fromPretrained(await folder((name) => name.replace(/^rag\./, '')), options())
  const golden = await goldenTensors(FOLDER, 'expected.single.safetensors')
  const inputs = {
    contextInputIds: golden.ids('context_input_ids'),
    contextAttentionMask: golden.ids('context_attention_mask'),
    docScores: golden.float('doc_scores'),
  }
  const { logits } = await model.forward({ ...inputs, decoderInputIds: golden.ids('labels') })
  expectClose(logits, golden.float('generator_logits'), TOLERANCE.states, 'logits')
  await expect(model.forward(inputs)).rejects.toThrow('forward needs decoderInputIds or labels')
})

test('a checkpoint that does not fit is refused by name', async () => {
  const load = async (rename: (name: string) => string, fields?: object) =>
    RagModel.fromPretrained(await folder(rename, fields), options())
  const same = (name: string) => name
  await expect(load((name) => name.replace('shared', 'embedding'))).rejects.toThrow(
    'missing: rag.generator.shared.weight',
  )
  await expect(load(same, { model_type: 't5' })).rejects.toThrow('model_type is "t5", not "rag"')
  const bert = { ...(config.question_encoder as object), model_type: 'bert' }
  await expect(load(same, { generator: bert })).rejects.toThrow('a generator is an encoder-decoder, "bert" is not')
  await expect(load(same, { n_docs: 0 })).rejects.toThrow('"n_docs" is 0')
})
