import { GPT2LMHeadModel } from '../../src/models/gpt2.js'
import { testCausal } from '../support/causal.js'

testCausal('GPT-2', GPT2LMHeadModel, ['gpt2/base', 'gpt2/scaled-untied'])
