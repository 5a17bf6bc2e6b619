/**
 * An encoder of one thin layer whose vectors are as long as those of real ones, so that thousands of texts are embedded in a second. Its
 * weights are random, and every text of words `w0` to `w127` is in its vocabulary.
 */
import { SentenceEncoder } from '../../src/rag/index.js'
import { writeSafetensors } from '../../src/safetensors/index.js'
import type { Backend } from '../../src/backends/index.js'
import { randomNumbers, randomTensor } from './random.js'
import { wordTokenizer } from './small-tokenizers.js'

export const WIDTH = 384
const INNER = 8
const CONFIG = {
  model_type: 'bert',
  architectures: ['BertModel'],
  hidden_act: 'gelu',
  hidden_size: WIDTH,
  intermediate_size: INNER,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 8,
  num_attention_heads: 4,
  num_hidden_layers: 1,
  type_vocab_size: 2,
  vocab_size: 128,
}

const LAYER = 'encoder.layer.0'
const MATRICES: Readonly<Record<string, readonly [number, number]>> = {
  [`${LAYER}.attention.self.query`]: [WIDTH, WIDTH],
  [`${LAYER}.attention.self.key`]: [WIDTH, WIDTH],
  [`${LAYER}.attention.self.value`]: [WIDTH, WIDTH],
  [`${LAYER}.attention.output.dense`]: [WIDTH, WIDTH],
  [`${LAYER}.intermediate.dense`]: [INNER, WIDTH],
  [`${LAYER}.output.dense`]: [WIDTH, INNER],
}
const NORMS = ['embeddings.LayerNorm', `${LAYER}.attention.output.LayerNorm`, `${LAYER}.output.LayerNorm`]

export function wideEncoder(backend: Backend): Promise<SentenceEncoder> {
  const next = randomNumbers(8)
  const random = (shape: readonly number[]) => randomTensor(next, shape, 0.3)
  const tensors = [
    ['embeddings.word_embeddings.weight', random([128, WIDTH])] as const,
    ['embeddings.position_embeddings.weight', random([8, WIDTH])] as const,
    ['embeddings.token_type_embeddings.weight', random([2, WIDTH])] as const,
    ...Object.entries(MATRICES).flatMap(([name, shape]) => [
      [`${name}.weight`, random(shape)] as const,
      [`${name}.bias`, random([shape[0]])] as const,
    ]),
    ...NORMS.flatMap((name) => [
      [`${name}.weight`, random([WIDTH])] as const,
      [`${name}.bias`, random([WIDTH])] as const,
    ]),
  ]
  const json = (content: object) => new TextEncoder().encode(JSON.stringify(content))
  const files = new Map([
    ['config.json', json(CONFIG)],
    ['tokenizer.json', json(wordTokenizer)],
    ['tokenizer_config.json', json({})],
    ['model.safetensors', writeSafetensors(tensors)],
  ])
  return SentenceEncoder.fromPretrained(files, { backend, pooling: 'mean', normalize: true })
}

export const DISTINCT = 512

/** Texts for {@link wideEncoder}, {@link DISTINCT} of them again and again. */
export function wideTexts(count: number): { readonly id: string; readonly title: string; readonly text: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `p${i}`,
    title: '',
    text: `w${i % 128} w${Math.floor(i / 128) % 4}`,
  }))
}
