import { expect, test } from 'vitest'
import { BertForQuestionAnswering, BertForSequenceClassification, BertModel } from '../../src/models/bert.js'
import { referenceBackend } from '../../src/backends/index.js'
import { testEncoders } from '../support/encoders.js'
import { goldenPath } from '../support/goldens.js'

testEncoders('BERT', {
  'bert/base': BertModel,
  'bert/sequence-classification': BertForSequenceClassification,
  'bert/question-answering': BertForQuestionAnswering,
  // The weights of bert/base in shards, two of them narrowed: the oracle's results are recorded for each.
  'safetensors/sharded-f32': BertModel,
  'safetensors/sharded-fp16': BertModel,
  'safetensors/sharded-bf16': BertModel,
})

test('a text longer than the positions is refused with both lengths', async () => {
  const model = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: referenceBackend() })
  const inputIds = [new Array<number>(41).fill(5)]
  await expect(model.forward({ inputIds })).rejects.toThrow('the text has 41 tokens, this model reads at most 40')
})
