/**
 * Qwen2 and Qwen3: Llama's decoder with a difference each. Qwen2 has biases on queries, keys and values; Qwen3 has none and norms
 * each head's query and key instead, which keeps their scores in bounds. Yang et al. 2024, https://arxiv.org/abs/2407.10671;
 * Yang et al. 2025, https://arxiv.org/abs/2505.09388.
 *
 *   const model = await Qwen3ForCausalLM.fromPretrained('./Qwen3-0.6B')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('The capital of France is').ids] })
 */
import { ConfigError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import { LlamaForCausalLM, llamaFields, LlamaModel, type LlamaConfig } from './llama.js'
import { loadModel, requireFamily, type Build, type FromPretrainedOptions } from './model.js'

/** config.json of a Qwen2, in camelCase. */
export type Qwen2Config = LlamaConfig
/** config.json of a Qwen3, in camelCase. */
export type Qwen3Config = LlamaConfig

/** @throws ConfigError for a missing or unsupported field */
export function qwen2Config(json: JsonObject): Qwen2Config {
  requireFamily(json, 'qwen2')
  requireFullAttention(json)
  return { ...llamaFields(json, { defaultPositions: 32_768 }), attentionBias: 'query-key-value' }
}

/** @throws ConfigError for a missing or unsupported field */
export function qwen3Config(json: JsonObject): Qwen3Config {
  requireFamily(json, 'qwen3')
  requireFullAttention(json)
  return { ...llamaFields(json, { defaultHeadDim: 128, defaultPositions: 32_768 }), queryKeyNorm: true }
}

/** A sliding window, which both could have, is not supported; published models do not use it. */
function requireFullAttention(json: JsonObject): void {
  if (!json.boolean('use_sliding_window', false)) return
  throw new ConfigError('config-type', `${json.where}: "use_sliding_window" is true, which is not supported`)
}

/** Qwen2 without a head. */
export class Qwen2Model extends LlamaModel {
  static override readonly build: Build<Qwen2Model> = (json, weights) => new Qwen2Model(qwen2Config(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static override fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Qwen2Model> {
    return loadModel(location, Qwen2Model.build, options)
  }
}

export class Qwen2ForCausalLM extends LlamaForCausalLM {
  static override readonly build: Build<Qwen2ForCausalLM> = (json, weights, generation) =>
    new Qwen2ForCausalLM(qwen2Config(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static override fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Qwen2ForCausalLM> {
    return loadModel(location, Qwen2ForCausalLM.build, options)
  }
}

/** Qwen3 without a head; Qwen3-Embedding is one, pooled at its last token. */
export class Qwen3Model extends LlamaModel {
  static override readonly build: Build<Qwen3Model> = (json, weights) => new Qwen3Model(qwen3Config(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static override fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Qwen3Model> {
    return loadModel(location, Qwen3Model.build, options)
  }
}

export class Qwen3ForCausalLM extends LlamaForCausalLM {
  static override readonly build: Build<Qwen3ForCausalLM> = (json, weights, generation) =>
    new Qwen3ForCausalLM(qwen3Config(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static override fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Qwen3ForCausalLM> {
    return loadModel(location, Qwen3ForCausalLM.build, options)
  }
}
