/**
 * A small reader miscopies at times: it writes half of a name, or a number that never ends. So it may only write words of the passage and of the
 * question, and a few that it adds by itself (`is`, `covers`, `People`). Among these the model chooses as always.
 */
import type { LogitsProcessor } from '../../generation/index.js'
import type { Tokenizer } from '../../tokenizer/index.js'

/** What stands between words, as tokenizers spell it: ASCII that is no letter and no digit, and their signs for spaces and ends of lines. */
// eslint-disable-next-line no-control-regex -- control characters are no words either
const BETWEEN = /[\u0000-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007fĠ▁Ċċč]+/

/** A token as the text goes on with it: the end of the word before, whole words, and the beginning of the next. */
interface Pieces {
  readonly head: string
  /** Undefined where nothing in the token stands between words. */
  readonly rest: { readonly whole: readonly string[]; readonly begun: string } | undefined
}

export class GroundedWords {
  readonly #tokenizer: Tokenizer
  readonly #own: readonly string[]
  #pieces: readonly Pieces[] | undefined

  /** @param own words that the reader adds by itself, whatever it reads */
  constructor(tokenizer: Tokenizer, own: readonly string[]) {
    this.#tokenizer = tokenizer
    this.#own = own
  }

  /**
   * Rules out every token that begins or ends another word.
   * @param inputIds what was read, [input][token]
   * @param endIds tokens that end a text: there a word has to be whole
   * @param more further words that are allowed
   */
  processor(
    inputIds: readonly (readonly number[])[],
    endIds: readonly number[],
    more: readonly string[],
  ): LogitsProcessor {
    const pieces = (this.#pieces ??= this.#readVocabulary())
    const own = [...this.#own, ...more].flatMap((word) =>
      wordsIn(this.#tokenizer.encode(word, { addSpecialTokens: false }).tokens),
    )
    const inputs = inputIds.map((ids) => {
      const words = new Set([...own, ...this.#wordsOf(ids.filter((id) => !endIds.includes(id)))].flatMap(inEitherCase))
      const beginnings = new Set(['', ...[...words].flatMap(beginningsOf)])
      const goesOn = pieces.map(
        ({ rest }) => rest === undefined || (rest.whole.every((word) => words.has(word)) && beginnings.has(rest.begun)),
      )
      words.add('') // nothing was begun
      return { words, beginnings, goesOn }
    })
    return (scores, sequence, input) => {
      const { words, beginnings, goesOn } = inputs[input]
      const begun = this.#begunIn(sequence, pieces)
      const fits = (id: number): boolean => {
        if (endIds.includes(id)) return words.has(begun)
        const { head, rest } = pieces[id]
        return goesOn[id] && (rest ? words : beginnings).has(begun + head)
      }
      for (let id = 0; id < scores.length; id++) if (id >= pieces.length || !fits(id)) scores[id] = -Infinity
    }
  }

  #readVocabulary(): Pieces[] {
    return Array.from({ length: this.#tokenizer.vocabSize }, (_, id) => piecesOf(this.#tokenizer.idToToken(id) ?? ''))
  }

  #wordsOf(ids: readonly number[]): string[] {
    return wordsIn(ids.map((id) => this.#tokenizer.idToToken(id) ?? ''))
  }

  /** The word that is not whole yet. */
  #begunIn(sequence: readonly number[], pieces: readonly Pieces[]): string {
    let word = ''
    for (let at = sequence.length - 1; at >= 0; at--) {
      const { head, rest } = pieces[sequence[at]]
      word = (rest ? rest.begun : head) + word
      if (rest) break
    }
    return word
  }
}

function wordsIn(tokens: readonly string[]): string[] {
  return tokens
    .join('')
    .split(BETWEEN)
    .filter((word) => word !== '')
}

function piecesOf(token: string): Pieces {
  const [head, ...others] = token.split(BETWEEN)
  const begun = others.pop()
  return { head, rest: begun === undefined ? undefined : { whole: others, begun } }
}

/** A word begins a sentence here and stands within one there. */
function inEitherCase(word: string): string[] {
  const [first, rest] = [word.slice(0, 1), word.slice(1)]
  return [word, first.toLowerCase() + rest, first.toUpperCase() + rest]
}

function beginningsOf(word: string): string[] {
  return Array.from(word, (_, end) => word.slice(0, end + 1))
}
