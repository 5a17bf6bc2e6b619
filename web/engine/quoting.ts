/**
 * The span reader on the passages of a walk: what each token got as the beginning and as the end of the answer, the best spans, and whether
 * the pipeline gives the quote, the worded answer or neither. These are the parts that `QuotingReader.answer` is made of, and its numbers.
 */
import { weighPassages, type SpanReader, type Tokenizer } from 'glassformer'
import type { ReadWindow } from '../../src/rag/reading/span-reader.js'
import type { TextSpan } from '../../src/tokenizer/index.js'
import type { Progress, Quoting, SpanReading, Token } from '../protocol.js'
import type { Watched } from './attention.js'
import type { Models } from './models.js'
import { tokenText } from './tokens.js'
import type { Walked } from './walk.js'

/** What the span reader made of a walk, with what its attention maps need. */
export interface Quoted {
  readonly quoting: Quoting
  readonly spanReader: SpanReader
  /** One for each of the readings. */
  readonly windows: readonly ReadWindow[]
  /** By passage, the place of its window; of a long passage, that with its best span. */
  readonly shown: readonly number[]
}

/** @throws FileError where the span reader cannot be fetched, InputError for a question that leaves no room, AbortedError */
export async function quote(
  models: Pick<Models, 'quoting' | 'isDefault'>,
  { walk, reading, hooks }: Walked,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Quoted> {
  const { reader, info } = await models.quoting(onProgress)
  const { question, mode } = walk.scene
  const found = walk.answer.passages.map(({ id, title, text, score, scores, ranks }) => {
    return { id, title, text, score, scores, ranks }
  })
  const passages = weighPassages(found)
  const started = performance.now()
  const windows = await reader.quoting.read(question, passages, { signal })
  windows.sort((a, b) => a.passage - b.passage)
  const quotes = reader.quote(windows, question, passages)
  const milliseconds = performance.now() - started
  const judges = mode === 'conditioned' && models.isDefault
  const answer = judges ? await reader.judge(reading, quotes, question, passages, { mode, hooks, signal }) : undefined
  const { tokenizer } = reader.quoting
  return {
    quoting: {
      reader: info,
      readings: windows.map((window): SpanReading => {
        const { passage, first, starts, ends } = window
        return { passage, tokens: tokensOf(window, question, tokenizer), first, starts, ends }
      }),
      quotes,
      given: answer && { kind: answer.kind, text: answer.text, judged: answer.judged! },
      milliseconds,
    },
    spanReader: reader.quoting,
    windows,
    shown: passages.map((_, passage) => {
      const own = windows.flatMap((window, i) => (window.passage === passage ? i : []))
      const best = quotes.spans.find((span) => span.passage === passage)
      return own.find((i) => best && holds(windows[i], best)) ?? own[0]
    }),
  }
}

/** The span reader's encoder. What a passage is read with in its batch changes nothing, so it is read alone. */
export function watchQuoting({ quoting, spanReader, windows, shown }: Quoted): Watched {
  const { readings, reader } = quoting
  return {
    info: reader,
    passages: shown.length,
    hookPoints: () => spanReader.model.hookPoints(),
    tokens: (_, passage) => {
      const { tokens } = readings[shown[passage]]
      return { queries: tokens, keys: tokens }
    },
    row: () => 0,
    run: async (passage, hooks, signal) => {
      const { ids, typeIds } = windows[shown[passage]]
      await spanReader.model.forward({ inputIds: [ids], tokenTypeIds: [typeIds] }, { hooks, signal })
    },
  }
}

function holds({ places }: ReadWindow, { start, end }: TextSpan): boolean {
  return places.some((place) => place.start === start) && places.some((place) => place.end === end)
}

/** [CLS] question [SEP] title and text [SEP]. A token that begins a word has a space before it, as other readers' tokens have. */
function tokensOf({ ids, typeIds, first, places }: ReadWindow, question: string, tokenizer: Tokenizer): Token[] {
  const asked = tokenizer.offsets(question)
  return ids.map((id, i): Token => {
    const text = tokenText(id, tokenizer)
    const own = places[i - first] as (typeof places)[number] | undefined
    const before = places[i - first - 1] as (typeof places)[number] | undefined
    if (own) return { id, text: before && before.end === own.start ? text : ` ${text}`, part: 'text', ...own }
    const isMark = i === 0 || i === ids.length - 1 || (typeIds[i] === 0 && typeIds[i + 1] === 1)
    if (isMark) return { id, text, part: 'mark', start: 0, end: 0 }
    const goesOn = tokenizer.idToToken(id)?.startsWith('##') === true
    const spaced = goesOn ? text : ` ${text}`
    const place = typeIds[i] === 0 ? asked[i] : undefined
    if (place) return { id, text: spaced, part: 'question', start: place.start, end: place.end }
    return { id, text: spaced, part: 'title', start: 0, end: 0 }
  })
}
