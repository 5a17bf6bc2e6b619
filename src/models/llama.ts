/**
 * Llama: a decoder alone. Pre-norm layers with RMSNorm, no biases, rotary positions, SiLU-gated feed-forward, and several query
 * heads to one key and value head (grouped queries). Llama 3.1 and later reach far by slowing the low frequencies of the positions.
 * SmolLM2 is one. Touvron et al. 2023, https://arxiv.org/abs/2302.13971; Dubey et al. 2024, https://arxiv.org/abs/2407.21783.
 *
 *   const model = await LlamaForCausalLM.fromPretrained('./SmolLM2-135M-Instruct')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('The capital of France is').ids] })
 */
import { RotaryEmbedding } from '../attention/index.js'
import { ConfigError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { Json, JsonObject } from '../files/json.js'
import type { GenerationConfig } from '../generation/index.js'
import { RMSNorm, type Weights } from '../layers/index.js'
import type { Activation, RotaryScaling } from '../tensor/ops/index.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { CausalDecoder } from './causal-decoder.js'
import { CausalLM, DecoderModel } from './causal-lm.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'

/** config.json of a Llama, in camelCase. */
export interface LlamaConfig {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly numKeyValueHeads: number
  /** Size of a head; heads times it need not be hiddenSize. */
  readonly headDim: number
  readonly hiddenAct: Activation
  readonly maxPositionEmbeddings: number
  readonly rmsNormEps: number
  readonly ropeTheta: number
  readonly ropeScaling: RotaryScaling | undefined
  /** Biases on the attention's projections; `query-key-value` leaves out the last one. */
  readonly attentionBias: boolean | 'query-key-value'
  readonly mlpBias: boolean
  /** Whether queries and keys are normed, head by head. */
  readonly queryKeyNorm: boolean
  readonly tieWordEmbeddings: boolean
}

/** @throws ConfigError for a missing or unsupported field */
export function llamaConfig(json: JsonObject): LlamaConfig {
  requireFamily(json, 'llama')
  return llamaFields(json)
}

/** The fields, in the files of those families that name them as Llama does. */
export function llamaFields(
  json: JsonObject,
  { defaultHeadDim, defaultPositions = 2048 }: { defaultHeadDim?: number; defaultPositions?: number } = {},
): LlamaConfig {
  const numAttentionHeads = json.integer('num_attention_heads')
  const isShare = defaultHeadDim === undefined && !json.has('head_dim')
  const headDim = isShare
    ? json.integer('hidden_size') / json.divisor('num_attention_heads', 'hidden_size')
    : json.integer('head_dim', { fallback: defaultHeadDim })
  if (headDim % 2 !== 0) throw new ConfigError('config-type', `${json.where}: heads of odd size ${headDim} cannot turn`)
  return {
    vocabSize: json.integer('vocab_size'),
    hiddenSize: json.integer('hidden_size'),
    intermediateSize: json.integer('intermediate_size'),
    numHiddenLayers: json.integer('num_hidden_layers', { max: MAX_LAYERS }),
    numAttentionHeads,
    numKeyValueHeads: json.has('num_key_value_heads')
      ? json.divisor('num_key_value_heads', 'num_attention_heads')
      : numAttentionHeads,
    headDim,
    hiddenAct: ACTIVATION_NAMES[json.oneOf('hidden_act', ACTIVATION_CHOICES, 'silu')],
    maxPositionEmbeddings: json.integer('max_position_embeddings', { fallback: defaultPositions }),
    rmsNormEps: json.number('rms_norm_eps', 1e-6),
    ...ropeFields(json, headDim),
    attentionBias: json.boolean('attention_bias', false),
    mlpBias: json.boolean('mlp_bias', false),
    queryKeyNorm: false,
    tieWordEmbeddings: json.boolean('tie_word_embeddings', false),
  }
}

/** `rope_theta` beside `rope_scaling`, or, since transformers 5, both in `rope_parameters`. */
function ropeFields(json: JsonObject, headDim: number): Pick<LlamaConfig, 'ropeTheta' | 'ropeScaling'> {
  const key = ['rope_parameters', 'rope_scaling'].find((key) => json.has(key))
  const rope = key === undefined ? undefined : json.object(key)
  const ropeTheta = (rope?.has('rope_theta') ? rope : json).number('rope_theta', 10_000)
  const type = rope?.string(rope.has('rope_type') ? 'rope_type' : 'type', 'default')
  if (rope === undefined || type === 'default') return { ropeTheta, ropeScaling: undefined }
  if (type === 'factors') return { ropeTheta, ropeScaling: { factors: ropeFactors(rope, headDim) } }
  if (type === 'linear') return { ropeTheta, ropeScaling: linearScaling(rope.number('factor'), headDim) }
  if (type !== 'llama3') {
    throw new ConfigError(
      'config-type',
      `${rope.where}: scaling "${type}" is not supported; known: default, linear, llama3`,
    )
  }
  const ropeScaling = {
    factor: rope.number('factor'),
    lowFrequencyFactor: rope.number('low_freq_factor'),
    highFrequencyFactor: rope.number('high_freq_factor'),
    originalMaxPositions: rope.integer('original_max_position_embeddings'),
  }
  return { ropeTheta, ropeScaling }
}

/** Every frequency divided by one factor. */
export function linearScaling(factor: number, headDim: number): RotaryScaling {
  return { factors: new Array<number>(headDim / 2).fill(factor) }
}

/** What a GGUF has in the place of a rule: a number for each frequency. */
function ropeFactors(rope: JsonObject, headDim: number): readonly number[] {
  const factors: Json = rope.get('factors') ?? []
  const isFactor = (factor: Json) => typeof factor === 'number' && factor > 0
  if (Array.isArray(factors) && factors.length === headDim / 2 && factors.every(isFactor)) return factors as number[]
  throw new ConfigError(
    'config-type',
    `${rope.where}: "factors" are not ${headDim / 2} numbers above 0, one for each pair of a head`,
  )
}

/** The decoder, in a file that was saved with a head (`model.layers…`) or without one (`layers…`). */
export function llamaDecoder(weights: Weights, config: LlamaConfig, tied: boolean): CausalDecoder {
  const base = weights.base('model')
  const { hiddenSize: dimension, headDim, rmsNormEps: epsilon, ropeTheta: theta, ropeScaling: scaling } = config
  base.ignore(/(^|\.)rotary_emb\.inv_freq$/)
  return new CausalDecoder(base.scope(''), {
    vocabSize: config.vocabSize,
    dimension,
    numLayers: config.numHiddenLayers,
    layer: () => ({
      norm: RMSNorm,
      epsilon,
      attention: {
        dimension,
        numHeads: config.numAttentionHeads,
        numKeyValueHeads: config.numKeyValueHeads,
        headDim,
        scale: 1 / Math.sqrt(headDim),
        bias: config.attentionBias,
        queryKeyNorm: config.queryKeyNorm ? { epsilon, query: 'q_norm', key: 'k_norm' } : undefined,
        names: { query: 'q_proj', key: 'k_proj', value: 'v_proj', out: 'o_proj' },
      },
      feedForward: {
        dimension,
        hiddenDimension: config.intermediateSize,
        activation: config.hiddenAct,
        bias: config.mlpBias,
        names: { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
      },
      names: {
        attention: 'self_attn',
        attentionNorm: 'input_layernorm',
        feedForward: 'mlp',
        feedForwardNorm: 'post_attention_layernorm',
      },
    }),
    positions: new RotaryEmbedding({ headDim, theta, scaling }),
    tied,
    names: { embedding: 'embed_tokens', layers: 'layers', norm: 'norm' },
  })
}

/** Llama without a head. */
export class LlamaModel extends DecoderModel {
  readonly config: LlamaConfig

  constructor(config: LlamaConfig, weights: Weights) {
    super(weights, llamaDecoder(weights, config, false))
    this.config = config
    weights.ignore(/^lm_head\./)
  }

  static readonly build: Build<LlamaModel> = (json, weights) => new LlamaModel(llamaConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<LlamaModel> {
    return loadModel(location, LlamaModel.build, options)
  }
}

export class LlamaForCausalLM extends CausalLM {
  readonly config: LlamaConfig

  constructor(config: LlamaConfig, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, hiddenSize: dimension, maxPositionEmbeddings: maxLength, tieWordEmbeddings: tied } = config
    super(weights, llamaDecoder(weights, config, tied), { vocabSize, dimension, tied, maxLength, generationConfig })
    this.config = config
  }

  static readonly build: Build<LlamaForCausalLM> = (json, weights, generation) =>
    new LlamaForCausalLM(llamaConfig(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<LlamaForCausalLM> {
    return loadModel(location, LlamaForCausalLM.build, options)
  }
}
