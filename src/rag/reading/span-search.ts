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
  /** Logits of its first and its last token, each less that of "no answer". */
  readonly startScore: number
  readonly endScore: number
  /** Their sum. */
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

type SpansByEnd = Map<number, Omit<ScoredSpan, 'probability'>>

/**
 * @param windows of `passages` passages; where two overlap, a span's better score counts
 * @param most how many spans are given
 */
export function searchSpans(windows: readonly SpanWindow[], passages: number, most: number): SpanSearch {
  const highest = Math.max(0, ...windows.map(highestScore))
  const found = Array.from({ length: passages }, () => new Map<number, SpansByEnd>()) // of each passage, by start
  for (const { passage, places, starts, ends } of windows) {
    eachSpan(places, (first, last) => {
      const [startScore, endScore] = [starts[first], ends[last]]
      const score = startScore + endScore
      if (score < highest - NEGLIGIBLE) return
      const [start, end] = [places[first].start, places[last].end]
      const here: SpansByEnd = found[passage].get(start) ?? new Map()
      found[passage].set(start, here)
      const other = here.get(end)
      if (!other || other.score < score) here.set(end, { passage, start, end, startScore, endScore, score })
    })
  }
  const all = found.flatMap((spansOf) => [...spansOf.values()].flatMap((here) => [...here.values()]))
  all.sort((a, b) => b.score - a.score)
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

/** What is e⁻²⁰ times as likely as the best, or less, adds nothing. */
const NEGLIGIBLE = 20

function highestScore({ places, starts, ends }: SpanWindow): number {
  let highest = -Infinity
  eachSpan(places, (first, last) => (highest = Math.max(highest, starts[first] + ends[last])))
  return highest
}

/** Calls with the first and the last token of every span that holds text. */
function eachSpan(places: readonly TextSpan[], visit: (first: number, last: number) => void): void {
  for (let first = 0; first < places.length; first++) {
    for (let last = first; last < Math.min(places.length, first + LONGEST_SPAN); last++) {
      if (places[last].end > places[first].start) visit(first, last)
    }
  }
}

function overlap(a: Omit<ScoredSpan, 'probability'>, b: Omit<ScoredSpan, 'probability'>): boolean {
  return a.passage === b.passage && a.start < b.end && b.start < a.end
}
