/**
 * Gemma 3, the text models: Llama's decoder with four differences. Each block is normed before and after; queries and keys are normed head
 * by head; five of six layers see a window of the last tokens alone, and turn by positions of their own base; the embedding is scaled by
 * the square root of its width. Norms multiply with 1 + weight. Gemma Team 2025, https://arxiv.org/abs/2503.19786.
 *
 *   const model = await Gemma3ForCausalLM.fromPretrained('./gemma-3-270m.gguf')
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
import { linearScaling } from './llama.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'

/** config.json of a Gemma 3 for text (`gemma3_text`), in camelCase. */
export interface Gemma3Config {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  readonly hiddenActivation: Activation
  readonly maxPositionEmbeddings: number
  readonly rmsNormEps: number
  /** Scores are divided by the square root of this. */
  readonly queryPreAttnScalar: number
  readonly attentionBias: boolean
  /** Tokens that a layer with a window sees, the query's own included. */
  readonly slidingWindow: number
  /** Whether each layer has a window. */
  readonly sliding: readonly boolean[]
  /** Bases of the positions: of layers that see all, and of those with a window. */
  readonly ropeTheta: number
  readonly ropeLocalBaseFreq: number
  /** Of layers that see all. */
  readonly ropeScaling: RotaryScaling | undefined
  readonly tieWordEmbeddings: boolean
}

/** @throws ConfigError for a missing or unsupported field */
export function gemma3Config(json: JsonObject): Gemma3Config {
  requireFamily(json, 'gemma3_text')
  requirePlain(json)
  const headDim = json.integer('head_dim', { fallback: 256 })
  if (headDim % 2 !== 0) throw new ConfigError('config-type', `${json.where}: heads of odd size ${headDim} cannot turn`)
  const numHiddenLayers = json.integer('num_hidden_layers', { max: MAX_LAYERS })
  json.divisor('num_key_value_heads', 'num_attention_heads')
  return {
    vocabSize: json.integer('vocab_size'),
    hiddenSize: json.integer('hidden_size'),
    intermediateSize: json.integer('intermediate_size'),
    numHiddenLayers,
    numAttentionHeads: json.integer('num_attention_heads'),
    numKeyValueHeads: json.integer('num_key_value_heads'),
    headDim,
    hiddenActivation: ACTIVATION_NAMES[json.oneOf('hidden_activation', ACTIVATION_CHOICES, 'gelu_pytorch_tanh')],
    maxPositionEmbeddings: json.integer('max_position_embeddings', { fallback: 131_072 }),
    rmsNormEps: json.number('rms_norm_eps', 1e-6),
    queryPreAttnScalar: json.number('query_pre_attn_scalar', 256),
    attentionBias: json.boolean('attention_bias', false),
    slidingWindow: json.integer('sliding_window', { fallback: 4096 }),
    sliding: layerTypes(json, numHiddenLayers),
    ...ropeFields(json, headDim),
    tieWordEmbeddings: json.boolean('tie_word_embeddings', true),
  }
}

/** What relatives of these models have, and these have not. */
function requirePlain(json: JsonObject): void {
  const found = ['attn_logit_softcapping', 'final_logit_softcapping', 'use_bidirectional_attention'].find(
    (key) => json.has(key) && json.get(key) !== false,
  )
  if (found === undefined) return
  throw new ConfigError(
    'config-type',
    `${json.where}: "${found}" is ${JSON.stringify(json.get(found))}, which is not supported`,
  )
}

/** `layer_types` names each layer's kind; older files say after how many layers one sees all. */
function layerTypes(json: JsonObject, layers: number): boolean[] {
  const types: Json | undefined = json.get('layer_types') ?? undefined
  if (types === undefined) {
    const pattern = json.integer(
      json.has('_sliding_window_pattern') ? '_sliding_window_pattern' : 'sliding_window_pattern',
      {
        fallback: 6,
      },
    )
    return Array.from({ length: layers }, (_, i) => (i + 1) % pattern !== 0)
  }
  const known = ['sliding_attention', 'full_attention']
  if (
    !Array.isArray(types) ||
    types.length !== layers ||
    !types.every((type: Json) => known.includes(type as string))
  ) {
    throw new ConfigError('config-type', `${json.where}: "layer_types" are not ${layers} of ${known.join(', ')}`)
  }
  return types.map((type: Json) => type === 'sliding_attention')
}

type RopeFields = Pick<Gemma3Config, 'ropeTheta' | 'ropeLocalBaseFreq' | 'ropeScaling'>

/** Two bases and `rope_scaling`, or, since transformers 5, `rope_parameters` for each kind of layer. */
function ropeFields(json: JsonObject, headDim: number): RopeFields {
  if (json.has('rope_parameters')) {
    const kinds = json.object('rope_parameters')
    const [full, sliding] = [kinds.object('full_attention'), kinds.object('sliding_attention')]
    return {
      ropeTheta: full.number('rope_theta', 1_000_000),
      ropeLocalBaseFreq: sliding.number('rope_theta', 10_000),
      ropeScaling: scalingOf(full, headDim),
    }
  }
  return {
    ropeTheta: json.number('rope_theta', 1_000_000),
    ropeLocalBaseFreq: json.number('rope_local_base_freq', 10_000),
    ropeScaling: json.has('rope_scaling') ? scalingOf(json.object('rope_scaling'), headDim) : undefined,
  }
}

function scalingOf(rope: JsonObject, headDim: number): RotaryScaling | undefined {
  const type = rope.oneOf('rope_type', ['default', 'linear'], 'default')
  return type === 'default' ? undefined : linearScaling(rope.number('factor'), headDim)
}

/** The decoder, in a file that was saved with a head (`model.layers…`) or without one (`layers…`). */
function gemma3Decoder(weights: Weights, config: Gemma3Config, tied: boolean): CausalDecoder {
  const { hiddenSize: dimension, headDim, rmsNormEps: epsilon } = config
  const everywhere = new RotaryEmbedding({ headDim, theta: config.ropeTheta, scaling: config.ropeScaling })
  const nearby = new RotaryEmbedding({ headDim, theta: config.ropeLocalBaseFreq })
  return new CausalDecoder(weights.base('model').scope(''), {
    vocabSize: config.vocabSize,
    dimension,
    numLayers: config.numHiddenLayers,
    embeddingScale: Math.sqrt(dimension),
    layer: (index) => ({
      norm: RMSNorm,
      epsilon,
      gainOffset: 1,
      attention: {
        dimension,
        numHeads: config.numAttentionHeads,
        numKeyValueHeads: config.numKeyValueHeads,
        headDim,
        scale: 1 / Math.sqrt(config.queryPreAttnScalar),
        bias: config.attentionBias,
        queryKeyNorm: { epsilon, gainOffset: 1, query: 'q_norm', key: 'k_norm' },
        names: { query: 'q_proj', key: 'k_proj', value: 'v_proj', out: 'o_proj' },
      },
      feedForward: {
        dimension,
        hiddenDimension: config.intermediateSize,
        activation: config.hiddenActivation,
        bias: false,
        names: { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
      },
      names: {
        attention: 'self_attn',
        attentionNorm: 'input_layernorm',
        attentionOutNorm: 'post_attention_layernorm',
        feedForward: 'mlp',
        feedForwardNorm: 'pre_feedforward_layernorm',
        feedForwardOutNorm: 'post_feedforward_layernorm',
      },
      rotary: config.sliding[index] ? nearby : everywhere,
      window: config.sliding[index] ? config.slidingWindow : undefined,
    }),
    positions: everywhere,
    tied,
    names: { embedding: 'embed_tokens', layers: 'layers', norm: 'norm' },
  })
}

/** Gemma 3 without a head. */
export class Gemma3TextModel extends DecoderModel {
  readonly config: Gemma3Config

  constructor(config: Gemma3Config, weights: Weights) {
    super(weights, gemma3Decoder(weights, config, false))
    this.config = config
    weights.ignore(/^lm_head\./)
  }

  static readonly build: Build<Gemma3TextModel> = (json, weights) => new Gemma3TextModel(gemma3Config(json), weights)

  /** Loads a Hugging Face folder or a GGUF. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Gemma3TextModel> {
    return loadModel(location, Gemma3TextModel.build, options)
  }
}

export class Gemma3ForCausalLM extends CausalLM {
  readonly config: Gemma3Config

  constructor(config: Gemma3Config, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, hiddenSize: dimension, maxPositionEmbeddings: maxLength, tieWordEmbeddings: tied } = config
    super(weights, gemma3Decoder(weights, config, tied), { vocabSize, dimension, tied, maxLength, generationConfig })
    this.config = config
  }

  /** What a block adds to the stream is normed first. */
  override get isPreNorm(): boolean {
    return false
  }

  static readonly build: Build<Gemma3ForCausalLM> = (json, weights, generation) =>
    new Gemma3ForCausalLM(gemma3Config(json), weights, generation)

  /** Loads a Hugging Face folder or a GGUF. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Gemma3ForCausalLM> {
    return loadModel(location, Gemma3ForCausalLM.build, options)
  }
}
