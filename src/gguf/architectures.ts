/**
 * What a GGUF says of a model, as Hugging Face has it: the config.json that its metadata describes, and the names under which its tensors are
 * known there. A row of the table is an architecture. The names are those that llama.cpp's converter gives
 * (https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/tensor_mapping.py).
 */
import type { Json, JsonObject } from '../files/json.js'
import type { Shape } from '../tensor/shape.js'
import { GgufArchitectureError, quoted } from './errors.js'

/** What is known of a file when its config is made. */
export interface GgufModel {
  readonly fields: JsonObject
  /** Shape of a tensor under its name in the file, where there is one. */
  readonly shape: (tensor: string) => Shape | undefined
  /** Frequencies of rotary positions are divided by these, one for each pair of a head; the tensor `rope_freqs.weight`. */
  readonly ropeFactors: readonly number[] | undefined
}

/** What the converter did to the values of a tensor, and is undone when it is read. */
export type Change = 'interleaved-queries' | 'interleaved-keys' | 'plus-one'

interface HuggingFaceTensor {
  readonly name: string
  readonly change?: Change
}

export interface Architecture {
  /** config.json, without the token ids. */
  readonly config: (model: GgufModel) => { readonly [key: string]: Json }
  /** Further files of the folder, by name: those of an encoder that say how its states become a vector. */
  readonly encoderFiles?: (model: GgufModel) => ReadonlyMap<string, Json>
  /** Undefined for a tensor that the architecture does not have. */
  readonly rename: (tensor: string) => HuggingFaceTensor | undefined
}

const ARCHITECTURES: ReadonlyMap<string, Architecture> = /* @__PURE__ */ new Map<string, Architecture>([
  ['llama', { config: llamaConfig, rename: renameLlama }],
  ['qwen2', { config: (model) => decoderConfig(model, 'qwen2', 'Qwen2ForCausalLM'), rename: renameDecoder }],
  ['qwen3', { config: (model) => decoderConfig(model, 'qwen3', 'Qwen3ForCausalLM'), rename: renameDecoder }],
  ['gemma3', { config: gemma3Config, rename: renameGemma3 }],
  ['bert', { config: bertConfig, rename: renameBert, encoderFiles }],
])

/** @throws GgufArchitectureError for one that is not in the table */
export function architectureOf(fields: JsonObject): Architecture {
  const name = fields.string('general.architecture')
  const architecture = ARCHITECTURES.get(name)
  if (architecture) return architecture
  const known = [...ARCHITECTURES.keys()].join(', ')
  throw new GgufArchitectureError(fields.where, `architecture ${quoted(name)} is not supported; supported are ${known}`)
}

/** Whether an architecture of this name can be loaded. */
export function isSupported(architecture: string): boolean {
  return ARCHITECTURES.has(architecture)
}

/** Traits that some models of these architectures have and that change what they compute. */
const UNSUPPORTED: readonly (readonly [key: string, neutral: readonly Json[]])[] = [
  ['expert_count', [0]],
  ['attention.clamp_kqv', [0]],
  ['attention.max_alibi_bias', [0]],
  ['attn_logit_softcapping', [0]],
  ['final_logit_softcapping', [0]],
  ['attention.scale', [0]],
  ['logit_scale', [0, 1]],
  ['embedding_scale', [0, 1]],
  ['residual_scale', [0, 1]],
]

/** What the decoders here have in common. */
function decoderConfig(model: GgufModel, modelType: string, className: string): { readonly [key: string]: Json } {
  const { fields, shape } = model
  const prefix = fields.string('general.architecture')
  const key = (name: string) => `${prefix}.${name}`
  refuseUnsupported(fields, prefix)
  const hiddenSize = fields.integer(key('embedding_length'))
  const heads = fields.integer(key('attention.head_count'))
  const headDim = fields.integer(key('attention.key_length'), { fallback: Math.floor(hiddenSize / heads) })
  for (const other of ['attention.value_length', 'rope.dimension_count']) {
    const got = fields.integer(key(other), { fallback: headDim })
    if (got === headDim) continue
    throw new GgufArchitectureError(
      fields.where,
      `${key(other)} is ${got} and heads have ${headDim}, which is not supported`,
    )
  }
  return {
    model_type: modelType,
    architectures: [className],
    vocab_size: vocabularySize(model),
    hidden_size: hiddenSize,
    intermediate_size: fields.integer(key('feed_forward_length')),
    num_hidden_layers: fields.integer(key('block_count')),
    num_attention_heads: heads,
    num_key_value_heads: fields.integer(key('attention.head_count_kv'), { fallback: heads }),
    head_dim: headDim,
    max_position_embeddings: fields.integer(key('context_length')),
    rms_norm_eps: fields.number(key('attention.layer_norm_rms_epsilon')),
    rope_theta: fields.number(key('rope.freq_base'), 10_000),
    rope_scaling: ropeScaling(model, prefix),
    attention_bias: shape('blk.0.attn_q.bias') !== undefined,
    mlp_bias: shape('blk.0.ffn_gate.bias') !== undefined,
    tie_word_embeddings: shape('output.weight') === undefined,
  }
}

function llamaConfig(model: GgufModel): { readonly [key: string]: Json } {
  refuseWindow(model.fields, 'llama')
  return decoderConfig(model, 'llama', 'LlamaForCausalLM')
}

/** In layers that look far the frequencies are divided by a factor; in those with a window they are not. */
function ropeScaling({ fields, ropeFactors }: GgufModel, prefix: string): Json {
  if (ropeFactors) return { rope_type: 'factors', factors: ropeFactors }
  const type = fields.string(`${prefix}.rope.scaling.type`, 'none')
  if (type === 'none') return null
  if (type === 'linear') return { rope_type: type, factor: fields.number(`${prefix}.rope.scaling.factor`) }
  throw new GgufArchitectureError(
    fields.where,
    `${prefix}.rope.scaling.type is ${quoted(type)}; supported are none, linear`,
  )
}

/** The largest Gemma 3 scales its scores by the width that a head would have if the heads shared the states; it alone has 62 layers. */
const LARGEST_GEMMA3_LAYERS = 62
/** Every so many layers one has no window. */
const GEMMA3_PATTERN = 6

function gemma3Config(model: GgufModel): { readonly [key: string]: Json } {
  const { fields } = model
  const common = decoderConfig(model, 'gemma3_text', 'Gemma3ForCausalLM')
  const layers = common.num_hidden_layers as number
  const heads = common.num_attention_heads as number
  const isLargest = layers === LARGEST_GEMMA3_LAYERS
  return {
    ...common,
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: isLargest ? (common.hidden_size as number) / heads : common.head_dim,
    sliding_window: fields.integer('gemma3.attention.sliding_window'),
    sliding_window_pattern: fields.integer('gemma3.attention.sliding_window_pattern', { fallback: GEMMA3_PATTERN }),
    rope_theta: fields.number('gemma3.rope.freq_base', 1_000_000),
    rope_local_base_freq: fields.number('gemma3.rope.freq_base_swa', 10_000),
  }
}

function bertConfig({ fields, shape }: GgufModel): { readonly [key: string]: Json } {
  const types = shape('token_types.weight')
  return {
    model_type: 'bert',
    architectures: ['BertModel'],
    vocab_size: shape('token_embd.weight')?.[0] ?? fields.integer('bert.vocab_size'),
    hidden_size: fields.integer('bert.embedding_length'),
    intermediate_size: fields.integer('bert.feed_forward_length'),
    num_hidden_layers: fields.integer('bert.block_count'),
    num_attention_heads: fields.integer('bert.attention.head_count'),
    max_position_embeddings: shape('position_embd.weight')?.[0] ?? fields.integer('bert.context_length'),
    type_vocab_size: types?.length === 2 ? types[0] : 1,
    layer_norm_eps: fields.number('bert.attention.layer_norm_epsilon'),
    hidden_act: 'gelu',
  }
}

/** Kinds of `pooling_type`, as sentence-transformers names them. */
const POOLINGS: ReadonlyMap<number, string> = new Map([
  [1, 'pooling_mode_mean_tokens'],
  [2, 'pooling_mode_cls_token'],
  [3, 'pooling_mode_lasttoken'],
])

/** A GGUF does not say whether vectors are scaled to length 1. llama.cpp does so unless told, and so do its users expect them. */
function encoderFiles({ fields }: GgufModel): ReadonlyMap<string, Json> {
  const pooling = POOLINGS.get(fields.integer('bert.pooling_type', { fallback: 0, min: 0 }))
  if (pooling === undefined) return new Map()
  const steps = ['Transformer', 'Pooling', 'Normalize'].map((kind, idx): Json => ({
    idx,
    name: String(idx),
    path: idx === 0 ? '' : `${idx}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }))
  const width = fields.integer('bert.embedding_length')
  return new Map<string, Json>([
    ['modules.json', steps],
    ['1_Pooling/config.json', { word_embedding_dimension: width, [pooling]: true }],
  ])
}

/** Size of the vocabulary: that of the embedding, which may have more rows than there are tokens. */
function vocabularySize({ fields, shape }: GgufModel): number {
  const rows = shape('token_embd.weight')?.[0]
  if (rows !== undefined) return rows
  throw new GgufArchitectureError(fields.where, 'there is no tensor "token_embd.weight"; this is no whole model')
}

function refuseUnsupported(fields: JsonObject, prefix: string): void {
  for (const [name, neutral] of UNSUPPORTED) {
    const value = fields.get(`${prefix}.${name}`)
    if (value === undefined || neutral.includes(value)) continue
    throw new GgufArchitectureError(
      fields.where,
      `${prefix}.${name} is ${quoted(String(value))}, which is not supported`,
    )
  }
}

function refuseWindow(fields: JsonObject, prefix: string): void {
  const key = `${prefix}.attention.sliding_window`
  const window = fields.integer(key, { fallback: 0, min: 0 })
  if (window === 0 || window >= fields.integer(`${prefix}.context_length`)) return
  throw new GgufArchitectureError(fields.where, `${key} is ${window}, which is not supported for ${prefix}`)
}

const DECODER_ENDS: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
}

const DECODER_PARTS: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}

function renameDecoder(tensor: string, parts = DECODER_PARTS): HuggingFaceTensor | undefined {
  if (Object.hasOwn(DECODER_ENDS, tensor)) return { name: DECODER_ENDS[tensor] }
  return inLayer(tensor, 'model.layers', parts)
}

/** `blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight` */
function inLayer(
  tensor: string,
  layers: string,
  parts: Readonly<Record<string, string>>,
): HuggingFaceTensor | undefined {
  const [, layer, part, kind] = /^blk\.(\d{1,4})\.(\w+)\.(weight|bias)$/.exec(tensor) ?? []
  if (part === undefined || !Object.hasOwn(parts, part)) return undefined
  return { name: `${layers}.${layer}.${parts[part]}.${kind}` }
}

/** The converter puts the rows of queries and keys in the order in which llama.cpp turns neighbours. */
function renameLlama(tensor: string): HuggingFaceTensor | undefined {
  const renamed = renameDecoder(tensor)
  const change = tensor.includes('.attn_q.')
    ? 'interleaved-queries'
    : tensor.includes('.attn_k.')
      ? 'interleaved-keys'
      : undefined
  return renamed && { ...renamed, change }
}

const GEMMA3_PARTS: Readonly<Record<string, string>> = {
  ...DECODER_PARTS,
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
}

/** Gemma multiplies with 1 + weight; the converter has added the 1. */
function renameGemma3(tensor: string): HuggingFaceTensor | undefined {
  const renamed = renameDecoder(tensor, GEMMA3_PARTS)
  return renamed && { ...renamed, change: tensor.endsWith('norm.weight') ? 'plus-one' : undefined }
}

const BERT_ENDS: Readonly<Record<string, string>> = {
  'token_embd.weight': 'embeddings.word_embeddings.weight',
  'token_types.weight': 'embeddings.token_type_embeddings.weight',
  'position_embd.weight': 'embeddings.position_embeddings.weight',
  'token_embd_norm.weight': 'embeddings.LayerNorm.weight',
  'token_embd_norm.bias': 'embeddings.LayerNorm.bias',
}

const BERT_PARTS: Readonly<Record<string, string>> = {
  attn_q: 'attention.self.query',
  attn_k: 'attention.self.key',
  attn_v: 'attention.self.value',
  attn_output: 'attention.output.dense',
  attn_output_norm: 'attention.output.LayerNorm',
  ffn_up: 'intermediate.dense',
  ffn_down: 'output.dense',
  layer_output_norm: 'output.LayerNorm',
}

function renameBert(tensor: string): HuggingFaceTensor | undefined {
  if (Object.hasOwn(BERT_ENDS, tensor)) return { name: BERT_ENDS[tensor] }
  return inLayer(tensor, 'encoder.layer', BERT_PARTS)
}
