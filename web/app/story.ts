/**
 * The story that is told of attention, held against the numbers: in the encoder the word that the question asks about looks at the
 * word that answers it ("France" at "Paris"), and in the decoder the answer's words look at that word ("capital" at "Paris"). Which words
 * these are follows from the texts; how strongly they look is read from the maps of all heads. What a head shows most is opened first.
 */
import { rowOf, strongestHead, strongestKeys, weightsOf, type Cell, type HeadChoice } from '../attention/map-weights.js'
import type { AttentionMap, AttentionName, Token, Walk } from '../protocol.js'

/** How strongly one token looks at another, in the head that shows it most. */
export interface Finding {
  readonly from: Token
  readonly to: Token
  readonly strongest: Cell & { readonly attention: AttentionName; readonly head: HeadChoice; readonly weight: number }
  /** Place of the weight in its row: 1 is the strongest. */
  readonly rank: number
  /** What each key would get if the row were spread evenly. */
  readonly even: number
  /** Mean weight over all heads of all layers. */
  readonly mean: number
}

export interface Story {
  /** The passage that stands most behind the answer. */
  readonly passage: number
  /** The step that writes the answering word; the first where there is none. */
  readonly step: number
  readonly self: Finding | undefined
  /** From the answer's word that the question has too. */
  readonly cross: Finding | undefined
  /** From whichever row looks most at the answering word. */
  readonly crossMost: Finding | undefined
}

/** The tokens that the story is about, as places in the source and in the target. */
export interface Cast {
  readonly passage: number
  /** In the source: the word that answers. */
  readonly answering: number | undefined
  /** In the source: the word of the passage that the question asks about. */
  readonly asked: number | undefined
  /** In the target: a word that the answer shares with the question. */
  readonly shared: number | undefined
  /** The step that writes the answering word. */
  readonly step: number
}

/** Words shorter than this, such as "the", tell nothing. */
const SHORTEST = 4

export function castOf({ answer, sources, target }: Pick<Walk, 'answer' | 'sources' | 'target'>): Cast {
  const posteriors = answer.passages.map(({ posterior }) => posterior)
  const passage = posteriors.indexOf(Math.max(...posteriors))
  const source = sources[passage]
  const question = new Set(source.filter(({ part }) => part === 'question').map(wordOf))
  const inText = new Map(source.flatMap((token, i) => (token.part === 'text' ? [[wordOf(token), i] as const] : [])))
  const telling = (token: Token) => token.part !== 'mark' && wordOf(token).length >= SHORTEST
  const written = target.findIndex(
    (token) => telling(token) && inText.has(wordOf(token)) && !question.has(wordOf(token)),
  )
  const answering = written < 0 ? undefined : inText.get(wordOf(target[written]))
  const both = source.flatMap((token, i) =>
    token.part === 'text' && telling(token) && question.has(wordOf(token)) ? [i] : [],
  )
  const asked = both.find((i) => isName(source[i])) ?? both.at(0)
  const sharing = target.flatMap((token, i) => (telling(token) && question.has(wordOf(token)) ? [i] : []))
  const shared = sharing.find((i) => !isName(target[i])) ?? sharing.at(0)
  return { passage, answering, asked, shared, step: Math.max(0, written - 1) }
}

/** @param maps of all layers over the cast's passage */
export function tellStory(cast: Cast, maps: readonly AttentionMap[]): Story {
  const { passage, step, answering, asked, shared } = cast
  const self = maps.filter(({ attention }) => attention.startsWith('encoder.'))
  const cross = maps.filter(({ attention }) => attention.endsWith('cross_attention'))
  if (answering === undefined) return { passage, step, self: undefined, cross: undefined, crossMost: undefined }
  const rows = cross.at(0)?.queries.map((_, query) => findingOf(cross, { query, key: answering })) ?? []
  return {
    passage,
    step,
    self: asked === undefined ? undefined : findingOf(self, { query: asked, key: answering }),
    cross: shared === undefined ? undefined : rows.at(shared),
    crossMost: rows.reduce(
      (best, row) => ((row?.strongest.weight ?? 0) > (best?.strongest.weight ?? 0) ? row : best),
      rows.at(0),
    ),
  }
}

function findingOf(maps: readonly AttentionMap[], cell: Cell): Finding | undefined {
  const strongest = strongestHead(maps, cell)
  const map = maps.find(({ attention }) => attention === strongest?.attention)
  if (!strongest || !map) return undefined
  const keys = map.keys.length
  const row = rowOf(weightsOf(map, strongest.head), cell.query, keys)
  const heads = maps.map((each) => rowOf(weightsOf(each, 'mean'), cell.query, keys)[cell.key])
  return {
    from: map.queries[cell.query],
    to: map.keys[cell.key],
    strongest: { ...strongest, ...cell },
    rank: strongestKeys(row, keys).findIndex(({ key }) => key === cell.key) + 1,
    even: 1 / keys,
    mean: heads.reduce((sum, weight) => sum + weight, 0) / heads.length,
  }
}

function wordOf({ text }: Token): string {
  return text.trim().toLowerCase()
}

function isName({ text }: Token): boolean {
  return /^\s*\p{Lu}/u.test(text)
}
