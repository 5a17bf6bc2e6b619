/**
 * A quote that the edge of its passage cuts: where the sentence of the best span goes on in the passage behind, or began in the one before, the text
 * of both is what should be read.
 */
import type { TextSpan } from '../../tokenizer/index.js'
import type { Passage } from '../finding/corpus.js'
import { joinPassages, neighbourOf, type FindPassage } from '../finding/neighbours.js'
import { quoteAround } from './quote.js'

/** A passage that was made longer. */
export interface LongerPassage extends Required<Pick<Passage, 'text' | 'source'>> {
  /** Ids of the neighbours that are in it. */
  readonly neighbours: readonly string[]
}

/**
 * The passage with its neighbours, where a span touches its first or last word and what is quoted around it goes on beyond an edge; else
 * undefined. Nothing is looked for unless the span touches an edge, nor behind the end of a sentence.
 */
export async function withNeighbours(
  passage: Passage,
  span: TextSpan,
  find: FindPassage,
): Promise<LongerPassage | undefined> {
  const touched = edgesAt(passage.text, span)
  if (!touched.first && !touched.last) return undefined
  const { first, last } = edgesAt(passage.text, quoteAround(passage.text, span))
  let whole = passage
  let at = 0 // where the passage begins in the whole
  const neighbours: string[] = []
  for (const side of [-1, 1] as const) {
    const mayGoOn = side < 0 ? first : last && !SENTENCE_END.test(passage.text)
    const neighbour = mayGoOn ? await neighbourOf(passage, side, find) : undefined
    const joined = neighbour && (side < 0 ? joinPassages(neighbour, whole) : joinPassages(whole, neighbour))
    if (!joined) continue
    const { text, source, second } = joined
    const from = side < 0 ? second : at
    const quote = quoteAround(text, { start: span.start + from, end: span.end + from })
    if (quote.start >= second || quote.end <= second) continue
    whole = { ...whole, text, source }
    at = from
    neighbours.push(neighbour.id)
  }
  return neighbours.length > 0 ? { text: whole.text, source: whole.source!, neighbours } : undefined
}

/** Whether no word stands before a stretch of a text, and none behind it. */
function edgesAt(text: string, { start, end }: TextSpan): { readonly first: boolean; readonly last: boolean } {
  return { first: !WORD.test(text.slice(0, start)), last: !WORD.test(text.slice(end)) }
}

const WORD = /[\p{L}\p{N}]/u
/** With the quotation marks, brackets and markup behind it. */
const SENTENCE_END = /[.!?:…。！？]["'”’»)\]*_`]*\s*$/
