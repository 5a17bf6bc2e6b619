/**
 * Attention of the default reader over the seed example, recorded by hooks in Node and put into the shapes of web/protocol.ts: what
 * the tests of the explorer's attention panels draw.
 */
import { ablateHead, readerInput, Reader, record, type Float, type Trace } from '../../src/index.js'
import { logSoftmax } from '../../src/tensor/ops/index.js'
import { readRecurrently } from '../../web/engine/recurrent.js'
import type {
  Ablation,
  AttentionCell,
  AttentionMap,
  HeadName,
  ReaderInfo,
  RecurrentReading,
  Step,
  Token,
} from '../../web/protocol.js'
import { weightsPath } from './weights.js'

const PASSAGE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const QUESTION = 'What is the capital of France?'

export interface RecordedAttention {
  readonly reader: ReaderInfo
  readonly text: string
  readonly source: readonly Token[]
  readonly target: readonly Token[]
  readonly steps: readonly Step[]
  readonly maps: readonly AttentionMap[]
}

export type CellName = Pick<AttentionCell, 'attention' | 'head' | 'query' | 'key'>

/** A reader that has read and answered, and can be asked more about it. */
export class AttentionRecorder {
  readonly recorded: RecordedAttention
  readonly #reader: Reader
  readonly #ids: { readonly source: readonly number[]; readonly written: readonly number[] }
  readonly #trace: Trace

  private constructor(reader: Reader, ids: { source: number[]; written: number[] }, trace: Trace) {
    this.#reader = reader
    this.#ids = ids
    this.#trace = trace
    this.recorded = recordedOf(reader, ids, trace)
  }

  static async create(passage = PASSAGE, question = QUESTION): Promise<AttentionRecorder> {
    const reader = await Reader.fromPretrained(weightsPath('reader'))
    const { model, tokenizer } = reader
    const source = tokenizer.encode(readerInput(passage, question)).ids
    const { sequences } = await model.generate({ inputIds: [source] }, { maxNewTokens: 40 })
    const written = [...sequences[0]] // start token first, end token last
    const { trace } = await record(
      (hooks) => model.forward({ inputIds: [source], decoderInputIds: [written.slice(0, -1)] }, { hooks }),
      ['*_attention.*', '*position_bias', 'logits'],
    )
    return new AttentionRecorder(reader, { source, written }, trace)
  }

  cell(name: CellName): AttentionCell {
    const { attention, head, query, key } = name
    const row = (point: string, index: number) => values(this.#trace, `${attention}.${point}`, [0, head, index])
    const [q, k, v] = [row('q', query), row('k', key), row('v', key)]
    const rowScores = row('scores', query)
    const rowProbs = row('probs', query)
    const [stack, , block] = attention.split('.')
    const isMasked = rowScores[key] < -1e30
    const isSelf = block === 'self_attention'
    const positionBias = isSelf ? values(this.#trace, `${stack}.position_bias`, [0, head, query])[key] : 0
    return {
      ...{ ...name, passage: 0, q, k, v, rowScores, rowProbs },
      dot: Math.fround(q.reduce((sum, x, i) => sum + x * k[i], 0)),
      scale: 1,
      bias: isMasked ? -Infinity : positionBias,
      score: rowScores[key],
      prob: rowProbs[key],
      weighted: v.map((x) => x * rowProbs[key]),
      context: row('context', query),
    }
  }

  async ablation(heads: readonly HeadName[]): Promise<Ablation> {
    const { model, tokenizer } = this.#reader
    const { source, written } = this.#ids
    const hooks = heads.map(({ attention, head }) => ablateHead(attention, head))
    const inputs = { inputIds: [source], decoderInputIds: [written.slice(0, -1)] }
    const { logits } = await model.forward(inputs, { hooks })
    const { sequences } = await model.generate({ inputIds: [source] }, { maxNewTokens: 40, hooks })
    return {
      ablated: heads,
      tokens: written.slice(1).map((id, t) => {
        const before = logProbs(this.#trace.get('logits')![0], t)
        const after = logProbs(logits, t)
        const best = after.indexOf(Math.max(...after))
        return {
          text: label(this.#reader, id),
          before: before[id],
          after: after[id],
          likeliest: { id: best, text: label(this.#reader, best), probability: Math.exp(after[best]) },
        }
      }),
      text: tokenizer.decode(sequences[0]),
    }
  }

  recurrent(text: string): Promise<RecurrentReading> {
    const models = { reader: this.#reader, backend: this.#reader.model.backend, info: this.recorded }
    return readRecurrently(models, text, new AbortController().signal)
  }

  dispose(): void {
    this.#reader.dispose()
  }
}

function recordedOf(
  reader: Reader,
  { source, written }: { readonly source: readonly number[]; readonly written: readonly number[] },
  trace: Trace,
): RecordedAttention {
  const { model, tokenizer } = reader
  const points = model.hookPoints().filter(({ name }) => name.endsWith('.probs'))
  const [, numHeads, , headDim] = trace.get('encoder.0.self_attention.q')![0].shape
  const [, , dModel] = trace.get('encoder.0.self_attention.out')![0].shape
  const logits = trace.get('logits')![0] // [1, target, vocabulary]
  const attentions = points.map(({ name }) => {
    const [stack, layer, block] = name.split('.')
    return {
      name: `${stack}.${layer}.${block}`,
      stack: stack as 'encoder' | 'decoder',
      kind: block === 'self_attention' ? ('self' as const) : ('cross' as const),
      layer: Number(layer),
    }
  })
  const token = (id: number, part: Token['part']): Token => ({ id, text: label(reader, id), part, start: 0, end: 0 })
  const tokens = {
    encoder: source.map((id, i) => token(id, i === source.length - 1 ? 'mark' : 'text')),
    decoder: written.slice(0, -1).map((id, i) => token(id, i === 0 ? 'mark' : 'answer')),
  }
  return {
    reader: {
      ...{ name: 'reader', family: 't5', dModel, numHeads, headDim, attentions },
      vocabSize: logits.shape[2],
      parameters: 0,
    },
    text: tokenizer.decode(written),
    source: tokens.encoder,
    target: tokens.decoder,
    steps: written.slice(1).map((id, t) => {
      const chosen = { id, text: label(reader, id), probability: Math.exp(logProbs(logits, t)[id]) }
      return {
        chosen,
        passages: [{ likeliest: [chosen], chosen: chosen.probability, weight: 1 }],
        mixture: [chosen],
        cache: { held: t, added: 1, crossHeld: source.length },
      }
    }),
    maps: attentions.map(({ name, stack, kind }) => ({
      attention: name,
      passage: 0,
      queries: tokens[stack],
      keys: kind === 'cross' ? tokens.encoder : tokens[stack],
      numHeads,
      probs: values(trace, `${name}.probs`),
    })),
  }
}

/** The tensor at a point, or the part of it at the first indices, row by row. */
function values(trace: Trace, point: string, indices: readonly number[] = []): Float32Array {
  return numbers(trace.get(point)![0], indices)
}

function numbers(tensor: Float, indices: readonly number[]): Float32Array {
  return Float32Array.from(indices.reduce((part: Float, index) => part.select(0, index), tensor).toArray())
}

/** [vocabulary] */
function logProbs(logits: Float, step: number): Float32Array {
  return numbers(logSoftmax(logits), [0, step])
}

function label({ tokenizer }: Reader, id: number): string {
  return tokenizer.decode([id], { skipSpecialTokens: false })
}
