/**
 * Attention of the default reader over the seed example, recorded by hooks in Node and put into the shapes of web/protocol.ts: what
 * the tests of the explorer's attention panels draw.
 */
import { readerInput, Reader, record, type Float, type Trace } from '../../src/index.js'
import type { AttentionCell, AttentionMap, ReaderInfo, Step, Token } from '../../web/protocol.js'

const PASSAGE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const QUESTION = 'What is the capital of France?'

export interface RecordedAttention {
  readonly reader: ReaderInfo
  readonly text: string
  readonly source: readonly Token[]
  readonly target: readonly Token[]
  readonly steps: readonly Step[]
  readonly maps: readonly AttentionMap[]
  cell(attention: string, head: number, query: number, key: number): AttentionCell
}

export async function recordAttention(passage = PASSAGE, question = QUESTION): Promise<RecordedAttention> {
  const reader = await Reader.fromPretrained(new URL('../../weights/reader', import.meta.url).pathname)
  try {
    return await recordWith(reader, readerInput(passage, question))
  } finally {
    reader.dispose()
  }
}

async function recordWith({ model, tokenizer }: Reader, text: string): Promise<RecordedAttention> {
  const { ids } = tokenizer.encode(text)
  const { sequences } = await model.generate({ inputIds: [ids] }, { maxNewTokens: 40 })
  const written = sequences[0] // start token first, end token last
  const { output, trace } = await record(
    (hooks) => model.forward({ inputIds: [ids], decoderInputIds: [written.slice(0, -1)] }, { hooks }),
    ['*_attention.*', '*position_bias'],
  )

  const points = model.hookPoints().filter(({ name }) => name.endsWith('.probs'))
  const [, numHeads] = points[0].shape as readonly number[]
  const [, , , headDim] = trace.get('encoder.0.self_attention.q')![0].shape
  const attentions = points.map(({ name }) => {
    const [stack, layer, block] = name.split('.')
    return {
      name: `${stack}.${layer}.${block}`,
      stack: stack as 'encoder' | 'decoder',
      kind: block === 'self_attention' ? ('self' as const) : ('cross' as const),
      layer: Number(layer),
    }
  })
  const label = (id: number) => tokenizer.decode([id], { skipSpecialTokens: false })
  const source = ids.map((id, i) => token(id, label(id), i === ids.length - 1 ? 'mark' : 'text'))
  const target = written.slice(0, -1).map((id, i) => token(id, label(id), i === 0 ? 'mark' : 'answer'))
  const tokensOf = { encoder: source, decoder: target }

  return {
    reader: {
      name: 'reader',
      family: 't5',
      dModel: 256,
      numHeads,
      headDim,
      vocabSize: output.logits.shape[2],
      parameters: 0,
      attentions,
    },
    text: tokenizer.decode(written),
    source,
    target,
    steps: written.slice(1).map((id, t) => {
      const chosen = { id, text: label(id), probability: softmaxAt(output.logits, t, id) }
      return {
        chosen,
        passages: [{ likeliest: [chosen], chosen: chosen.probability, weight: 1 }],
        mixture: [chosen],
        cache: { held: t, added: 1, crossHeld: ids.length },
      }
    }),
    maps: attentions.map(({ name, stack, kind }) => ({
      attention: name,
      passage: 0,
      queries: tokensOf[stack],
      keys: kind === 'cross' ? source : tokensOf[stack],
      numHeads,
      probs: values(trace, `${name}.probs`),
    })),
    cell: (attention, head, query, key) => cellOf(trace, { attention, head, query, key }),
  }
}

function cellOf(
  trace: Trace,
  { attention, head, query, key }: Pick<AttentionCell, 'attention' | 'head' | 'query' | 'key'>,
): AttentionCell {
  const row = (point: string, index: number) => values(trace, `${attention}.${point}`, [0, head, index])
  const [q, k, v] = [row('q', query), row('k', key), row('v', key)]
  const rowScores = row('scores', query)
  const rowProbs = row('probs', query)
  const dot = Math.fround(q.reduce((sum, x, i) => sum + x * k[i], 0))
  const isMasked = rowScores[key] < -1e30
  const [stack, , block] = attention.split('.')
  const positionBias = block === 'self_attention' ? values(trace, `${stack}.position_bias`, [0, head, query])[key] : 0
  return {
    ...{ attention, passage: 0, head, query, key, q, k, v, dot, scale: 1, rowScores, rowProbs },
    bias: isMasked ? -Infinity : positionBias,
    score: rowScores[key],
    prob: rowProbs[key],
    weighted: v.map((x) => x * rowProbs[key]),
    context: row('context', query),
  }
}

/** The tensor at a point, or the part of it at the first indices, row by row. */
function values(trace: Trace, point: string, indices: readonly number[] = []): Float32Array {
  const part = indices.reduce((tensor: Float, index) => tensor.select(0, index), trace.get(point)![0])
  return Float32Array.from(part.toArray())
}

function token(id: number, text: string, part: Token['part']): Token {
  return { id, text, part, start: 0, end: 0 }
}

function softmaxAt(logits: Float, step: number, id: number): number {
  const row = values(new Map([['logits', [logits]]]), 'logits', [0, step])
  const most = Math.max(...row)
  return Math.exp(row[id] - most) / row.reduce((sum, x) => sum + Math.exp(x - most), 0)
}
