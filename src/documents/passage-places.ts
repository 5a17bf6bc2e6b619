/**
 * The places of a passage, which lead from any stretch of its text to the file and its line: the spans of its block, cut to the passage.
 */
import type { PassagePlace } from '../rag/index.js'
import type { Block } from './document.js'
import { isVerbatim, spanAt } from './mapped-text.js'

/** Says in which line of a text, from 1, a character stands. */
export class LineCounter {
  readonly source: string
  /** Where each line begins. */
  readonly #starts = [0]

  constructor(source: string) {
    this.source = source
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  lineOf(at: number): number {
    let [low, high] = [0, this.#starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (this.#starts[middle] <= at) low = middle
      else high = middle
    }
    return low + 1
  }
}

/**
 * Places of the passage text[start, end) of a block. Each is compared with the source, so one that says that its characters stand there is right.
 * @param lines of the block's source
 */
export function placesOf(
  { text, spans, source }: Block,
  { start, end }: { readonly start: number; readonly end: number },
  lines: LineCounter,
): PassagePlace[] {
  const places: PassagePlace[] = []
  for (let i = spanAt(spans, start); i < spans.length && spans[i].at < end; i++) {
    const span = spans[i]
    const [first, last] = [Math.max(span.at, start), Math.min(span.at + span.length, end)]
    if (first >= last) continue
    const begin = span.start + first - span.at
    const isThere = isVerbatim(span) && source.startsWith(text.slice(first, last), begin)
    places.push(
      isThere
        ? [first - start, last - first, begin, lines.lineOf(begin)]
        : [first - start, last - first, span.start, lines.lineOf(span.start), span.end],
    )
  }
  return places
}
