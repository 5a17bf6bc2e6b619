/**
 * The story that is told of attention, held against the numbers: in the encoder the word that the question asks about looks at the
 * word that answers it ("France" at "Paris"), and in the decoder the answer's words look at that word ("capital" at "Paris"). Which words
 * these are follows from the texts; how strongly they look is read from the maps of all heads. What a head shows most is opened first.
 * A word may be several tokens; the weight on it is the sum over them.
 */
import { rowOf, weightsOf, type Cell, type HeadChoice } from '../attention/map-weights.js'
import type { AttentionMap, AttentionName, Token, Walk } from '../protocol.js'

/** Tokens of one word: their places in a source or target, and the word that they spell. */
export interface Word {
  readonly places: readonly number[]
  readonly text: string
  readonly part: Token['part']
}

/** How strongly one word looks at another, in the row and head that show it most. */
export interface Finding {
  readonly from: string
  readonly to: string
  /** The row, and of the word's columns the one with most weight. */
  readonly strongest: Cell & { readonly attention: AttentionName; readonly head: HeadChoice }
  /** On all tokens of the word. */
  readonly weight: number
  /** Whether no token outside the word gets more than it does. */
  readonly isFirst: boolean
  /** What the word would get if the row were spread evenly. */
  readonly even: number
  /** The same row's weight on the word, as the mean over all heads of all layers. */
  readonly mean: number
}

export interface Story {
  /** The passage that stands most behind the answer. */
  readonly passage: number
  /** The step that begins to write the answering word; the first where there is none. */
  readonly step: number
  readonly self: Finding | undefined
  /** From the word that the answer shares with the question. */
  readonly cross: Finding | undefined
  /** From whichever other word of the answer looks most at the answering word. */
  readonly crossMost: Finding | undefined
}

/** The words that the story is about. */
export interface Cast {
  readonly passage: number
  readonly step: number
  /** In the source: the word that answers. */
  readonly answering: Word | undefined
  /** In the source: the word of the passage that the question asks about. */
  readonly asked: Word | undefined
  /** In the target: a word that the answer shares with the question. */
  readonly shared: Word | undefined
}

/** Words shorter than this, such as "the", tell nothing. */
const SHORTEST = 4

export function castOf({ answer, sources, target }: Pick<Walk, 'answer' | 'sources' | 'target'>): Cast {
  const posteriors = answer.passages.map(({ posterior }) => posterior)
  const passage = posteriors.indexOf(Math.max(...posteriors))
  const words = wordsOf(sources[passage])
  const isAsked = has(words.filter(({ part }) => part === 'question'))
  const inText = words.filter(({ part }) => part === 'text')
  const written = wordsOf(target).filter(isTelling)
  const answers = written.find((word) => !isAsked(word) && has(inText)(word))
  const both = inText.filter((word) => isTelling(word) && isAsked(word))
  const sharing = written.filter(isAsked)
  return {
    passage,
    step: answers ? answers.places[0] - 1 : 0,
    answering: answers && inText.find(({ text }) => fold(text) === fold(answers.text)),
    asked: both.find(isName) ?? both.at(0),
    shared: sharing.find((word) => !isName(word)) ?? sharing.at(0),
  }
}

/** @param maps of all layers over the cast's passage */
export function tellStory({ passage, step, answering, asked, shared }: Cast, maps: readonly AttentionMap[]): Story {
  const encoder = maps.filter(({ attention }) => attention.startsWith('encoder.'))
  const cross = maps.filter(({ attention }) => attention.endsWith('cross_attention'))
  if (!answering) return { passage, step, self: undefined, cross: undefined, crossMost: undefined }
  const writing = wordsOf(cross.at(0)?.queries ?? [])
  const before = writing.filter(({ text }) => fold(text) !== fold(answering.text))
  const rows = before.flatMap((word) => findingOf(cross, word, answering) ?? [])
  return {
    passage,
    step,
    self: asked && findingOf(encoder, asked, answering),
    cross: shared && findingOf(cross, shared, answering),
    crossMost: rows.sort((a, b) => b.weight - a.weight).at(0),
  }
}

/** A word begins with a space, at a new part, or where letters meet signs. */
export function wordsOf(tokens: readonly Token[]): Word[] {
  const words: { places: number[]; text: string; part: Token['part'] }[] = []
  for (const [place, { text, part }] of tokens.entries()) {
    const last = words.at(-1)
    const goesOn = last && last.part === part && part !== 'mark' && isLetters(text) && isLetters(last.text)
    if (goesOn) {
      last.places.push(place)
      last.text += text
    } else {
      words.push({ places: [place], text: text.trim(), part })
    }
  }
  return words
}

function findingOf(maps: readonly AttentionMap[], from: Word, to: Word): Finding | undefined {
  const rows = maps.flatMap((map) =>
    Array.from({ length: map.numHeads }, (_, head) => weightsOf(map, head)).flatMap((weights, head) =>
      from.places.map((query) => {
        const row = rowOf(weights, query, map.keys.length)
        return { attention: map.attention, head, query, row, weight: weightOn(row, to) }
      }),
    ),
  )
  const best = rows.reduce((most, row) => (row.weight > most.weight ? row : most), rows[0])
  if (!best) return undefined
  const { attention, head, query, row, weight } = best
  const key = to.places.reduce((most, place) => (row[place] > row[most] ? place : most))
  const sameRow = rows.filter((other) => other.query === query)
  return {
    from: from.text,
    to: to.text,
    strongest: { attention, head, query, key },
    weight,
    isFirst: row.every((other, place) => to.places.includes(place) || other <= row[key]),
    even: to.places.length / row.length,
    mean: sameRow.reduce((sum, other) => sum + other.weight, 0) / sameRow.length,
  }
}

function weightOn(row: Float32Array, { places }: Word): number {
  return places.reduce((sum, place) => sum + row[place], 0)
}

function has(words: readonly Word[]): (word: Word) => boolean {
  const texts = new Set(words.map(({ text }) => fold(text)))
  return ({ text }) => texts.has(fold(text))
}

function isTelling({ text, part }: Word): boolean {
  return part !== 'mark' && text.length >= SHORTEST
}

function isName({ text }: Word): boolean {
  return /^\p{Lu}/u.test(text)
}

/** Letters and digits that go on with a word: no space before them. */
function isLetters(text: string): boolean {
  return /^[\p{L}\p{N}]+$/u.test(text)
}

function fold(text: string): string {
  return text.toLowerCase()
}
