/**
 * The best answers among all that a span head has seen. Every token has a logit for "the answer begins here" and one for "it ends here"; less those of
 * the first token, [CLS], which stand for "there is none", they can be compared across passages. A span's score is the sum of both, "no answer"
 * has 0, and one softmax over all spans of all passages and "no answer" makes probabilities of them. Spans of at most
 * {@link LONGEST_SPAN} tokens count.
 */
import type { TextSpan } from '../../tokenizer/index.js'

/** In tokens: a long sentence. */
export const LONGEST_SPAN = 48

/** A stretch of a passage as one pass has seen it. */
export interface SpanWindow {
  /** Place of the passage among those read. */
  readonly passage: number
  /** For each token that an answer may hold, its place in the passage's text, in order. */
  readonly places: readonly TextSpan[]
  /** Logits of these tokens, less that of "no answer". */
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

export interface ScoredSpan extends TextSpan {
  readonly passage: number
  readonly score: number
  /** Its share of the softmax. */
  readonly probability: number
}

export interface SpanSearch {
  /** Best first; of spans that overlap only the best is there. */
  readonly spans: readonly ScoredSpan[]
  /** Share of "no answer". */
  readonly pNoAnswer: number
  /** Share of all spans of each passage. */
  readonly shares: readonly number[]
}

/**
 * @param windows of `passages` passages; where two overlap, a span's better score counts
 * @param most how many spans are given
 */
export function searchSpans(windows: readonly SpanWindow[], passages: number, most: number): SpanSearch {
  const found = new Map<string, Omit<ScoredSpan, 'probability'>>()
  for (const { passage, places, starts, ends } of windows) {
    for (let i = 0; i < places.length; i++) {
      for (let j = i; j < Math.min(places.length, i + LONGEST_SPAN); j++) {
        const span = { passage, start: places[i].start, end: places[j].end, score: starts[i] + ends[j] }
        if (span.score < LEAST_SCORE || span.end <= span.start) continue
        const key = `${passage} ${span.start} ${span.end}`
        const other = found.get(key)
        if (!other || other.score < span.score) found.set(key, span)
      }
    }
  }
  const all = [...found.values()].sort((a, b) => b.score - a.score)
  const highest = Math.max(0, all[0]?.score ?? 0)
  const share = (score: number) => Math.exp(score - highest)
  const total = all.reduce((sum, { score }) => sum + share(score), share(0))
  const shares = new Array<number>(passages).fill(0)
  for (const { passage, score } of all) shares[passage] += share(score) / total
  const spans: ScoredSpan[] = []
  for (const span of all) {
    if (spans.length === most) break
    if (spans.some((better) => overlap(better, span))) continue
    spans.push({ ...span, probability: share(span.score) / total })
  }
  return { spans, pNoAnswer: share(0) / total, shares }
}

/** What is e⁻²⁰ times as likely as "no answer" adds nothing. */
const LEAST_SCORE = -20

function overlap(a: Omit<ScoredSpan, 'probability'>, b: Omit<ScoredSpan, 'probability'>): boolean {
  return a.passage === b.passage && a.start < b.end && b.start < a.end
}
