/**
 * What is known of a quote when it is found, for its probability of being right (calibration.ts).
 */
import type { RetrievedPassage } from '../finding/retriever.js'
import type { Signals } from './calibration.js'
import type { SpanSearch } from './span-search.js'

/** @param search with one span at least */
export function spanSignals(question: string, passages: readonly RetrievedPassage[], search: SpanSearch): Signals {
  const [best] = search.spans
  const passage = passages[best.passage]
  const rival = search.spans.find(({ passage }) => passage !== best.passage)
  const asked = contentWords(question)
  const held = new Set(contentWords(`${passage.title} ${passage.text}`).map(stem))
  return {
    /** Log-odds of the best span. */
    logit: Math.log(best.probability / (1 - best.probability + 1e-9)),
    /** Of the best span against "no answer". */
    score: best.score,
    /** Log-odds of there being an answer at all. */
    answerable: Math.log((1 - search.pNoAnswer + 1e-9) / (search.pNoAnswer + 1e-9)),
    /** By how much the best span of another passage is worse. */
    lead: Math.min(10, best.score - (rival?.score ?? 0)),
    /** Dot product of question and passage. */
    similarity: passage.score,
    /** Share of the question's words, other than the little ones, that the passage has. */
    overlap: asked.length === 0 ? 0 : asked.filter((word) => held.has(stem(word))).length / asked.length,
  }
}

const LITTLE = new Set(
  'a an the of to in on at by for with from is are was were be been do does did can could may might will would should must i you we it its that this these those which what who whom whose when where why how and or not if as than then there any all many much my your one has have had'.split(' '),
)

function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !LITTLE.has(word))
}

/** The beginning of a word, which its forms share. */
function stem(word: string): string {
  return word.length > 5 ? word.slice(0, Math.max(4, word.length - 3)) : word.replace(/s$/, '')
}
