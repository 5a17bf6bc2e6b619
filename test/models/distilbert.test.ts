import {
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertModel,
} from '../../src/models/distilbert.js'
import { testEncoders } from '../support/encoders.js'

testEncoders('DistilBERT', {
  'distilbert/base': DistilBertModel,
  'distilbert/sequence-classification': DistilBertForSequenceClassification,
  'distilbert/question-answering': DistilBertForQuestionAnswering,
})
