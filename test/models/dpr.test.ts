import { DPRContextEncoder, DPRQuestionEncoder, DPRReader } from '../../src/models/dpr.js'
import { testEncoders } from '../support/encoders.js'

testEncoders('DPR', {
  'dpr/question-encoder': DPRQuestionEncoder,
  'dpr/question-encoder-projection': DPRQuestionEncoder,
  'dpr/context-encoder': DPRContextEncoder,
  'dpr/context-encoder-projection': DPRContextEncoder,
  'dpr/reader': DPRReader,
})
