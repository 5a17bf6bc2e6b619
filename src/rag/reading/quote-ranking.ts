/**
 * Which of the best spans is quoted. A span head sees what could answer, and takes one row of a table or one of two like sentences for the other. The
 * sentence that fits has, with the headings above it, the question's rare words, and stands in a passage near to the question. Both count beside the
 * span's score; their weights are learnt as those of a calibration are (calibration.ts).
 */
import { passageText } from '../finding/corpus.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import type { Calibration } from './calibration.js'
import { quoteAround } from './quote.js'
import { logit, type SignalsOf } from './signals.js'
import type { QuotedSpan } from './span-answer.js'
import type { ScoredSpan, SpanSearch } from './span-search.js'
import { contentWords, rarityIn, shareIn } from './word-overlap.js'

/** What the order of quotes may go by, by name. */
export const RANKING_SIGNALS = ['score', 'overlap', 'similarity'] as const

/** Spans that are compared. */
export const COMPARED_SPANS = 20

/** The spans with what is quoted around each, that which fits best first. */
export function rankQuotes(
  question: string,
  passages: readonly RetrievedPassage[],
  spans: readonly ScoredSpan[],
  ranking: Calibration,
): QuotedSpan[] {
  const asked = contentWords(question)
  const rarity = rarityIn(passages.map(passageText))
  const quoted = spans.map((span): QuotedSpan => {
    const { title, text, score: similarity } = passages[span.passage]
    const { start, end } = quoteAround(text, span)
    const quote = { start, end, text: text.slice(start, end) }
    const overlap = shareIn(asked, passageText({ title, text: quote.text }), rarity)
    const signals: SignalsOf<typeof RANKING_SIGNALS> = { score: span.score, overlap, similarity }
    return { ...span, text: text.slice(span.start, span.end), quote, overlap, fit: ranking.logOdds(signals) }
  })
  return quoted.sort((a, b) => b.fit - a.fit)
}

/** What the probability of a quote's being right may be made of, by name. */
export const QUOTE_SIGNALS = ['fit', 'logit', 'score', 'answerable', 'lead', 'similarity', 'quoted', 'overlap'] as const

/** @param spans ranked, one at least */
export function quoteSignals(
  question: string,
  passages: readonly RetrievedPassage[],
  [best, ...others]: readonly QuotedSpan[],
  { pNoAnswer }: Pick<SpanSearch, 'pNoAnswer'>,
): SignalsOf<typeof QUOTE_SIGNALS> {
  const passage = passages[best.passage]
  const rival = others.find(({ passage }) => passage !== best.passage)
  return {
    /** How well it fits, as the order of quotes has it. */
    fit: best.fit,
    /** Log-odds of the span's share. */
    logit: logit(best.probability),
    /** Its score; that of "no answer" is 0. */
    score: best.score,
    /** Log-odds of there being an answer at all. */
    answerable: logit(1 - pNoAnswer),
    /** By how much the best quote of another passage fits worse. */
    lead: Math.min(MOST_LEAD, rival ? best.fit - rival.fit : MOST_LEAD),
    /** Dot product of question and passage. */
    similarity: passage.score,
    /** Share of the question's words, by their rarity, that the quote has with the passage's title. */
    quoted: best.overlap,
    /** Share of the question's words that the passage has. */
    overlap: shareIn(contentWords(question), passageText(passage)),
  }
}

const MOST_LEAD = 5
