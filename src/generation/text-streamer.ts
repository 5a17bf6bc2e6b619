/**
 * Text from tokens as they come. A character may be spread over several tokens, and what a token adds may depend on the one before it
 * (a space, an accent), so each piece is the difference between two decodings that begin at the same token.
 */
import type { TextDecoder } from './options.js'
import type { GenerationStep } from './steps.js'

/** What decoders write for bytes that are not, or not yet, a character. */
const INCOMPLETE = '\ufffd'

export class TextStreamer {
  readonly #tokenizer: TextDecoder
  readonly #skipSpecialTokens: boolean
  /** Tokens from the last piece on, and before them those of the piece before, which the decoding begins with. */
  #ids: number[] = []
  /** How many of them have become text. */
  #shown = 0

  constructor(tokenizer: TextDecoder, { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean } = {}) {
    this.#tokenizer = tokenizer
    this.#skipSpecialTokens = skipSpecialTokens
  }

  /** Takes the next token; returns the text that is now certain, which is '' inside a character. */
  put(id: number): string {
    this.#ids.push(id)
    const text = this.#decode(this.#ids)
    return text.endsWith(INCOMPLETE) ? '' : this.#take(text)
  }

  /** The text of bytes that have stayed incomplete. */
  end(): string {
    return this.#take(this.#decode(this.#ids))
  }

  #take(text: string): string {
    const piece = text.slice(this.#decode(this.#ids.slice(0, this.#shown)).length)
    // Tokens without text (special ones) stay until there is some: a decoding cannot begin with them alone.
    if (piece !== '') {
      this.#ids = this.#ids.slice(this.#shown)
      this.#shown = this.#ids.length
    }
    return piece
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecialTokens: this.#skipSpecialTokens })
  }
}

/** The text of one row of a streamed generation, in pieces that never split a character. */
export async function* textPieces(
  steps: AsyncIterable<GenerationStep>,
  tokenizer: TextDecoder,
  { row = 0, skipSpecialTokens }: { readonly row?: number; readonly skipSpecialTokens?: boolean } = {},
): AsyncGenerator<string, void, void> {
  const streamer = new TextStreamer(tokenizer, { skipSpecialTokens })
  for await (const { tokens } of steps) {
    const piece = streamer.put(tokens[row])
    if (piece !== '') yield piece
  }
  const rest = streamer.end()
  if (rest !== '') yield rest
}
