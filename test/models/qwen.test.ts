import { Qwen2ForCausalLM, Qwen3ForCausalLM } from '../../src/models/qwen.js'
import { testCausal } from '../support/causal.js'

testCausal('Qwen2', Qwen2ForCausalLM, ['qwen2/base'])
testCausal('Qwen3', Qwen3ForCausalLM, ['qwen3/base'])
