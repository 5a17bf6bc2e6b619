import { T5EncoderModel, T5ForConditionalGeneration } from '../../src/models/t5.js'
import { testEncoders } from '../support/encoders.js'
import { testSeq2Seq } from '../support/seq2seq.js'

testSeq2Seq('T5', T5ForConditionalGeneration, ['t5/v1_0-relu-tied', 't5/v1_1-gated-untied', 't5/gated-tied'])
testEncoders('T5', { 't5/encoder': T5EncoderModel })
