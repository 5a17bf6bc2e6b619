import { MPNetForQuestionAnswering, MPNetForSequenceClassification, MPNetModel } from '../../src/models/mpnet.js'
import { testEncoders } from '../support/encoders.js'

testEncoders('MPNet', {
  'mpnet/base': MPNetModel,
  'mpnet/more-buckets': MPNetModel,
  'mpnet/sequence-classification': MPNetForSequenceClassification,
  'mpnet/question-answering': MPNetForQuestionAnswering,
})
