import { LlamaForCausalLM } from '../../src/models/llama.js'
import { testCausal } from '../support/causal.js'

testCausal('Llama', LlamaForCausalLM, ['llama/tied', 'llama/untied', 'llama/scaled-biased'])
