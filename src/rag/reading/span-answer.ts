/**
 * What a reader that quotes answers with: stretches of the passages, each with where it stands and how likely it is.
 */
import type { TextSpan } from '../../tokenizer/index.js'
import type { RetrievedPassage } from '../finding/retriever.js'

/** A stretch of a passage's text: `passages[passage].text.slice(start, end)`. */
export interface QuotedSpan extends TextSpan {
  /** Place of the passage among the answer's. */
  readonly passage: number
  readonly text: string
  /** Start logit and end logit, each less that of "no answer". */
  readonly startScore: number
  readonly endScore: number
  /** Their sum. */
  readonly score: number
  /** p(span|question, passages): its share of one softmax over all spans of all passages and "no answer". */
  readonly probability: number
  /** The sentence, item of a list, row of a table or line of code that it stands in. */
  readonly quote: TextSpan & { readonly text: string }
  /** Share of the question's words that the quote has with the passage's title, 0 to 1; rare words count more. */
  readonly overlap: number
  /** How well the quote fits the question: what the order goes by (quote-ranking.ts). */
  readonly fit: number
}

export interface QuotedPassage extends RetrievedPassage {
  /** Characters of the text that were read, from its beginning, where there are more. */
  readonly readTo?: number
  /** p(passage|question): softmax of the scaled scores. */
  readonly prior: number
  /** Share of its spans in the softmax: how likely the answer stands in this passage. */
  readonly share: number
}

/** What a {@link SpanReader} answers. */
export interface SpanAnswer {
  readonly question: string
  /** The quote around the best span, or that the passages do not tell. */
  readonly text: string
  readonly mode: 'span'
  readonly abstained: boolean
  /** p(the quote holds a right answer), calibrated; see bench/README.md. */
  readonly probability: number
  /** Share of "no answer" in the softmax over all spans. */
  readonly pNoAnswer: number
  /** What fits best first. The first is what is quoted, unless the answer is to abstain. */
  readonly spans: readonly QuotedSpan[]
  /** Places in `spans` of other passages that say the same as the first, and of those that say something else. */
  readonly agreeing: readonly number[]
  readonly differing: readonly number[]
  /**
   * Best first, in the order of their scores. One at whose edge the best quote was cut has the text of its neighbour, too, and the places of
   * both.
   */
  readonly passages: readonly QuotedPassage[]
}
