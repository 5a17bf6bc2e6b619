import { BartForConditionalGeneration } from '../../src/models/bart.js'
import { testSeq2Seq } from '../support/seq2seq.js'

testSeq2Seq('BART', BartForConditionalGeneration, ['bart/base', 'bart/scaled'])
