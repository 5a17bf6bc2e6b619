/**
 * What `glassformer trace` shows, as data: the way of a question through the pipeline, stage by stage in the order of the pass. The
 * encoder's tensors are of the reading that the answer is made from. The answer is known only at the end of a search, so the decoder's are
 * taken when the same call scores it once more. Where a second reader quotes, all of this is the way of the worded answer, whether it is given or not; the
 * quotes come last, with what decides.
 */
import {
  QuotingReader,
  Retriever,
  StoreRetriever,
  weighPassages,
  type Answer,
  type Filter,
  type Passage,
  type Rag,
  type RagMode,
  type RetrievedPassage,
  type Source,
} from '../rag/index.js'
import type { Float } from '../tensor/ops/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import type { Hook, HookPoint } from '../trace/index.js'
import { UsageError } from './arguments.js'

export interface QuestionStage {
  readonly stage: 'question'
  readonly question: string
  readonly tokens: readonly string[]
  /** What the encoder makes of it. */
  readonly vector: readonly number[]
}

export interface RetrievalStage {
  readonly stage: 'retrieval'
  /** Best first: the first is passage 1. */
  readonly passages: readonly (RetrievedPassage & { readonly prior: number })[]
}

/** What the reader reads with one passage. */
export interface InputStage {
  readonly stage: 'input'
  readonly passage: number
  readonly tokens: readonly string[]
}

/** A tensor at a hook point, of the pass with one passage. */
export interface TensorStage {
  readonly stage: 'tensor'
  readonly point: string
  readonly passage: number
  /** Names of the axes: head, query, key, or a size. */
  readonly axes: readonly string[]
  readonly shape: readonly number[]
  /** The tokens along the axes query and key. A decoder's query is the token that is being written. */
  readonly query: readonly string[]
  readonly key: readonly string[]
  /** The one head that was asked for. */
  readonly head: number | undefined
  readonly tensor: Float
}

export interface NamedSource {
  readonly word: string
  readonly field: Source['field']
  /** From 1; undefined for a word of the question. */
  readonly passage: number | undefined
  readonly weight: number
}

/** A token is written. */
export interface StepStage {
  readonly stage: 'step'
  /** From 1. */
  readonly step: number
  readonly steps: number
  readonly before: string
  readonly token: string
  readonly passage: number
  /** The likeliest tokens under the passage that is shown. */
  readonly next: readonly { readonly token: string; readonly probability: number }[]
  /** p(token) under each passage. */
  readonly byPassage: readonly number[]
  /** p(token) under the mixture of all. */
  readonly mixture: number
  /** p(passage) after the token. */
  readonly posterior: readonly number[]
  /** The words that the token came from. */
  readonly sources: readonly NamedSource[]
}

/** What the passages together answer, in words. */
export interface MixtureStage {
  readonly stage: 'mixture'
  readonly answer: Answer
}

/** What a second reader quotes from the same passages, and which of both answers is given. */
export interface QuotesStage {
  readonly stage: 'quotes'
  /** The answer that is given, with `quotes` and `judged`. */
  readonly answer: Answer
}

export type Stage = QuestionStage | RetrievalStage | InputStage | TensorStage | StepStage | MixtureStage | QuotesStage

/** The attentions of all layers. */
export const ATTENTIONS: readonly string[] = [
  'encoder.*.self_attention.probs',
  'decoder.*.self_attention.probs',
  'decoder.*.cross_attention.probs',
]

export interface TraceOptions {
  /** Instead of what the pipeline searches. */
  readonly passages: readonly Passage[] | undefined
  readonly filter: Filter | undefined
  readonly topK: number | undefined
  readonly mode: RagMode | undefined
  /** Hook points of the reader, by pattern. */
  readonly points: readonly string[]
  /** From 1, by score; the one that stands behind the answer most unless told. */
  readonly passage: number | undefined
  readonly head: number | undefined
  readonly signal: AbortSignal
}

const NEXT_TOKENS = 5

/** @throws UsageError for a passage that is not there, InputError for a pattern that matches no hook point */
export async function* traceStages(
  rag: Rag,
  question: string,
  { passages, filter, topK = 5, mode, points, passage, head, signal }: TraceOptions,
): AsyncGenerator<Stage, void, void> {
  const { reader, encoder } = rag
  const { tokenizer, model } = reader
  const retriever = await retrieverOver(passages, rag, signal)
  const vector = await retriever.embed(question, { signal })
  const found = await (retriever instanceof StoreRetriever
    ? retriever.search(question, vector, topK, { filter, signal })
    : retriever.search(vector, topK))
  if (passage !== undefined && passage > found.length) {
    throw new UsageError(`--passage is ${passage}, ${found.length} were found`)
  }
  yield {
    stage: 'question',
    question,
    tokens: spelled(encoder.tokenizer, encoder.tokenize(question)),
    vector: [...vector],
  }
  const weighed = weighPassages(found)
  yield {
    stage: 'retrieval',
    passages: weighed.map(({ logPrior, ...retrieved }) => ({ ...retrieved, prior: Math.exp(logPrior) })),
  }

  const seen = new Map<string, { readonly point: HookPoint; readonly tensor: Float }>()
  const keep: Hook = (tensor, point) => void seen.set(point.name, { point, tensor: tensor.copy() })
  const hooks = Object.fromEntries(points.map((pattern) => [pattern, keep]))
  const reading = await reader.read(question, weighed, { hooks, signal })
  const store = retriever instanceof StoreRetriever ? retriever.store : undefined
  const findPassage = store && ((id: string) => store.passage(id, { signal }))
  const given = await reader.answerFrom(reading, question, weighed, { mode, sources: true, findPassage, signal })
  const worded = { mode, minProbability: 0, sources: true, signal }
  const answer =
    given.judged && reader instanceof QuotingReader
      ? await reader.wording.answerFrom(reading, question, weighed, worded)
      : given
  const ids = answer.tokens.map(({ id }) => id)
  const logProbs = await reading.logProbs(ids, { hooks, signal }) // [passages, tokens, vocabulary]

  const posteriors = answer.passages.map(({ posterior }) => posterior)
  const z = passage === undefined ? posteriors.indexOf(Math.max(...posteriors)) : passage - 1
  const source = spelled(tokenizer, reading.inputIds[z])
  const written = spelled(tokenizer, ids)
  const read = [...spelled(tokenizer, [model.generationConfig.decoderStartTokenId]), ...written.slice(0, -1)]
  yield { stage: 'input', passage: z + 1, tokens: source }
  for (const { point, tensor } of seen.values()) {
    const isEncoder = point.name.startsWith('encoder.')
    const query = isEncoder ? source : written
    const key = isEncoder || point.name.includes('.cross_attention.') ? source : read
    const row = tensor.select(0, tensor.shape[0] === 1 ? 0 : z)
    yield tensorStage(point, row, { passage: z + 1, query, key, head })
  }
  for (const [t, { id, logProb, posterior, sources = [] }] of answer.tokens.entries()) {
    const row = logProbs.select(0, z).select(0, t).toArray()
    const best = [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, NEXT_TOKENS)
    yield {
      stage: 'step',
      step: t + 1,
      steps: ids.length,
      before: answer.tokens.slice(0, t).map(({ text }) => text).join(''), // prettier-ignore
      token: written[t],
      passage: z + 1,
      next: spelled(tokenizer, best).map((token, i) => ({ token, probability: Math.exp(row[best[i]]) })),
      byPassage: weighed.map((_, passage) => Math.exp(logProbs.select(0, passage).select(0, t).toArray()[id])),
      mixture: Math.exp(logProb),
      posterior,
      sources: sources.map((source) => named(source, answer)),
    }
  }
  yield { stage: 'mixture', answer }
  if (given.judged) yield { stage: 'quotes', answer: given }
}

function retrieverOver(
  passages: readonly Passage[] | undefined,
  rag: Rag,
  signal: AbortSignal,
): Promise<Retriever | StoreRetriever> {
  if (passages) return Retriever.build(rag.encoder, passages, { signal })
  return rag.store ? StoreRetriever.open(rag.encoder, rag.store) : rag.retriever()
}

interface Sides {
  readonly passage: number
  readonly query: readonly string[]
  readonly key: readonly string[]
  readonly head: number | undefined
}

/** Without the padding of a batch, and with one head alone where one was asked for. */
function tensorStage({ name, shape }: HookPoint, tensor: Float, { passage, query, key, head }: Sides): TensorStage {
  const heads = shape.length === 4
  const sizes = shape.slice(1).map((size, axis) => (heads && axis === 0 ? 'head' : size))
  const cut = sizes.reduce<Float>((part, size, axis) => {
    if (size !== 'query' && size !== 'key') return part
    return part.slice(axis, 0, Math.min(part.shape[axis], (size === 'query' ? query : key).length))
  }, tensor)
  const one = heads && head !== undefined
  const shown = one ? cut.select(0, head) : cut
  const axes = sizes.slice(one ? 1 : 0).map(String)
  return { stage: 'tensor', point: name, passage, axes, shape: shown.shape, query, key, head: one ? head : undefined, tensor: shown } // prettier-ignore
}

function named({ field, passage, start, end, weight }: Source, { question, passages }: Answer): NamedSource {
  const text = field === 'question' ? question : passages[passage][field]
  return { word: text.slice(start, end), field, passage: passage === undefined ? undefined : passage + 1, weight }
}

/** Tokens as text, with · for the space that a token begins with. */
function spelled(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  return ids.map((id) => {
    const token = tokenizer.idToToken(id) ?? ''
    const text = tokenizer.decode([id], { skipSpecialTokens: false })
    return (/^[Ġ▁]/.test(token) ? '·' : '') + (text.trim() || text)
  })
}
