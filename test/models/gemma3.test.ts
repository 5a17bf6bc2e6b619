import { Gemma3ForCausalLM } from '../../src/models/gemma3.js'
import { testCausal } from '../support/causal.js'

testCausal('Gemma 3', Gemma3ForCausalLM, ['gemma3/base', 'gemma3/scaled-untied'])
