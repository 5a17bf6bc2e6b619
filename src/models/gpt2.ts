/**
 * GPT-2: a decoder alone, which writes on from a prompt. Pre-norm layers with LayerNorm, learned positions, the tanh form of GELU, one
 * fused projection for queries, keys and values. Its linear layers are stored as [in, out] ("Conv1D"), and the head is the
 * embedding. Radford et al. 2019, https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf.
 *
 *   const model = await GPT2LMHeadModel.fromPretrained('./gpt2')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('The capital of France is').ids] })
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { GenerationConfig } from '../generation/index.js'
import { LayerNorm, type Weights } from '../layers/index.js'
import type { Activation } from '../tensor/ops/index.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { CausalDecoder } from './causal-decoder.js'
import { CausalLM, DecoderModel } from './causal-lm.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'

/** config.json of a GPT-2, in camelCase. */
export interface GPT2Config {
  readonly vocabSize: number
  readonly nPositions: number
  readonly nEmbd: number
  readonly nLayer: number
  readonly nHead: number
  /** Size of the feed-forward block. */
  readonly nInner: number
  readonly activationFunction: Activation
  readonly layerNormEpsilon: number
  readonly scaleAttnWeights: boolean
  /** Whether layer i divides its scores by i + 1. */
  readonly scaleAttnByInverseLayerIdx: boolean
  readonly tieWordEmbeddings: boolean
}

/** @throws ConfigError for a missing or unsupported field */
export function gpt2Config(json: JsonObject): GPT2Config {
  requireFamily(json, 'gpt2')
  return {
    vocabSize: json.integer('vocab_size'),
    nPositions: json.integer('n_positions'),
    nEmbd: json.integer('n_embd'),
    nLayer: json.integer('n_layer', { max: MAX_LAYERS }),
    nHead: json.divisor('n_head', 'n_embd'),
    nInner: json.integer('n_inner', { fallback: 4 * json.integer('n_embd') }),
    activationFunction: ACTIVATION_NAMES[json.oneOf('activation_function', ACTIVATION_CHOICES, 'gelu_new')],
    layerNormEpsilon: json.number('layer_norm_epsilon', 1e-5),
    scaleAttnWeights: json.boolean('scale_attn_weights', true),
    scaleAttnByInverseLayerIdx: json.boolean('scale_attn_by_inverse_layer_idx', false),
    tieWordEmbeddings: json.boolean('tie_word_embeddings', true),
  }
}

/** The decoder, in a file that was saved with a head (`transformer.h…`) or without one (`h…`), as the first release is. */
function gpt2Decoder(weights: Weights, config: GPT2Config, tied: boolean): CausalDecoder {
  const base = weights.base('transformer')
  const { nEmbd: dimension, nHead: numHeads, nInner, activationFunction, layerNormEpsilon } = config
  const headDim = dimension / numHeads
  const stored = { dimension, bias: true, transposed: true }
  base.ignore(/^h\.\d+\.attn\.(bias|masked_bias)$/) // the causal mask, which older files hold
  return new CausalDecoder(base.scope(''), {
    vocabSize: config.vocabSize,
    dimension,
    numLayers: config.nLayer,
    layer: (index) => ({
      norm: LayerNorm,
      epsilon: layerNormEpsilon,
      attention: {
        ...stored,
        numHeads,
        headDim,
        scale:
          (config.scaleAttnWeights ? 1 / Math.sqrt(headDim) : 1) / (config.scaleAttnByInverseLayerIdx ? index + 1 : 1),
        names: { queryKeyValue: 'c_attn', out: 'c_proj' },
      },
      feedForward: {
        ...stored,
        hiddenDimension: nInner,
        activation: activationFunction,
        names: { up: 'c_fc', down: 'c_proj' },
      },
      names: { attention: 'attn', attentionNorm: 'ln_1', feedForward: 'mlp', feedForwardNorm: 'ln_2' },
    }),
    positions: { name: 'wpe', rows: config.nPositions },
    tied,
    names: { embedding: 'wte', layers: 'h', norm: 'ln_f' },
  })
}

/** GPT-2 without a head. */
export class GPT2Model extends DecoderModel {
  readonly config: GPT2Config

  constructor(config: GPT2Config, weights: Weights) {
    super(weights, gpt2Decoder(weights, config, false))
    this.config = config
    weights.ignore(/^lm_head\./)
  }

  static readonly build: Build<GPT2Model> = (json, weights) => new GPT2Model(gpt2Config(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<GPT2Model> {
    return loadModel(location, GPT2Model.build, options)
  }
}

export class GPT2LMHeadModel extends CausalLM {
  readonly config: GPT2Config

  constructor(config: GPT2Config, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, nEmbd: dimension, nPositions: maxLength, tieWordEmbeddings: tied } = config
    super(weights, gpt2Decoder(weights, config, tied), { vocabSize, dimension, tied, maxLength, generationConfig })
    this.config = config
  }

  static readonly build: Build<GPT2LMHeadModel> = (json, weights, generation) =>
    new GPT2LMHeadModel(gpt2Config(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<GPT2LMHeadModel> {
    return loadModel(location, GPT2LMHeadModel.build, options)
  }
}
