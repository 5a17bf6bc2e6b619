/**
 * What the page says of a model: its sizes and its attention layers, as its hook points tell them.
 */
import type { Model, Tokenizer } from 'glassformer'
import type { ReaderInfo } from '../protocol.js'

export function describeModel(
  model: Model,
  tokenizer: Tokenizer,
  named: Pick<ReaderInfo, 'name' | 'family' | 'parameters'>,
): ReaderInfo {
  const points = new Map(model.hookPoints().map(({ name, shape }) => [name, shape as readonly number[]]))
  const names = [...points.keys()].filter((name) => name.endsWith('_attention.q')).map((name) => name.slice(0, -2))
  const [, numHeads, , headDim] = points.get(`${names[0]}.q`)!
  return {
    ...named,
    dModel: points.get(`${names[0]}.out`)![2],
    numHeads,
    headDim,
    vocabSize: points.get('logits')?.[2] ?? tokenizer.vocabSize,
    attentions: names.map((name) => {
      const [stack, layer, kind] = name.split('.')
      return {
        name,
        stack: stack as 'encoder' | 'decoder',
        kind: kind === 'cross_attention' ? 'cross' : 'self',
        layer: Number(layer),
      }
    }),
  }
}
