import { expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import {
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaModel,
} from '../../src/models/roberta.js'
import { testEncoders } from '../support/encoders.js'
import { goldenPath } from '../support/goldens.js'

testEncoders('RoBERTa', {
  'roberta/base': RobertaModel,
  'roberta/sequence-classification': RobertaForSequenceClassification,
  'roberta/question-answering': RobertaForQuestionAnswering,
})

test('positions begin after the padding id, so two of them are no room for tokens', async () => {
  const model = await RobertaModel.fromPretrained(goldenPath('roberta/base'), { backend: referenceBackend() })
  const inputIds = [new Array<number>(33).fill(5)]
  await expect(model.forward({ inputIds })).rejects.toThrow('the text has 33 tokens, this model reads at most 32')
})
