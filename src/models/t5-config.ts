/**
 * config.json of a T5, in camelCase.
 */
import { ConfigError } from '../errors.js'
import type { JsonObject } from '../files/json.js'
import type { Activation } from '../tensor/ops/index.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES, type ActivationName } from './activation-name.js'
import { MAX_LAYERS, requireFamily } from './model.js'

export interface T5Config {
  readonly vocabSize: number
  readonly dModel: number
  /** Size of a head; heads times it need not be dModel. */
  readonly dKv: number
  readonly dFf: number
  readonly numLayers: number
  readonly numDecoderLayers: number
  readonly numHeads: number
  /** Most tokens of a text that a reader gives it. The model itself has no such limit, as it counts distances. */
  readonly nPositions: number
  readonly relativeAttentionNumBuckets: number
  readonly relativeAttentionMaxDistance: number
  readonly layerNormEpsilon: number
  readonly activation: Activation
  readonly isGatedAct: boolean
  readonly tieWordEmbeddings: boolean
}

/** @throws ConfigError for a missing or unsupported field */
export function t5Config(json: JsonObject): T5Config {
  requireFamily(json, 't5')
  const numLayers = json.integer('num_layers', { max: MAX_LAYERS })
  return {
    vocabSize: json.integer('vocab_size'),
    dModel: json.integer('d_model'),
    dKv: json.integer('d_kv'),
    dFf: json.integer('d_ff'),
    numLayers,
    numDecoderLayers: json.integer('num_decoder_layers', { fallback: numLayers, max: MAX_LAYERS }),
    numHeads: json.integer('num_heads'),
    nPositions: json.integer('n_positions', { fallback: 1024 }),
    relativeAttentionNumBuckets: json.integer('relative_attention_num_buckets', { fallback: 32, min: 4 }),
    relativeAttentionMaxDistance: json.integer('relative_attention_max_distance', { fallback: 128, min: 2 }),
    layerNormEpsilon: json.number('layer_norm_epsilon', 1e-6),
    tieWordEmbeddings: json.boolean('tie_word_embeddings', true),
    ...feedForwardKind(json),
  }
}

/** `relu`, or `gated-gelu`, which by T5's convention means the tanh form of GELU. */
function feedForwardKind(json: JsonObject): Pick<T5Config, 'activation' | 'isGatedAct'> {
  const kind = json.string('feed_forward_proj', 'relu')
  if (kind === 'gated-gelu') return { activation: 'gelu_tanh', isGatedAct: true }
  const isGatedAct = kind.startsWith('gated-')
  const name = kind.replace(/^gated-/, '') as ActivationName
  if (!ACTIVATION_CHOICES.includes(name)) {
    throw new ConfigError(
      'config-type',
      `${json.where}: "feed_forward_proj" is "${kind}", expected one of ${ACTIVATION_CHOICES.join(', ')}, with or without "gated-"`,
    )
  }
  return { activation: ACTIVATION_NAMES[name], isGatedAct }
}
