/**
 * The steps of a decoding: which pass of a generation a tensor is of, and which text each of its rows goes on with. A row is one text
 * in the making: an input of the batch and, once a search has begun, one beam or sample of it; the rows of an input are neighbours. A
 * search reorders rows between steps, so row 2 of one step need not go on from row 2 of the step before: `parents` tells.
 */

/** One pass of a decoder in a generation. */
export interface DecoderStep {
  /** From 0, the step that reads the prompt or the start token. */
  readonly index: number
  readonly previous: DecoderStep | undefined
  /** For each row, the row of the previous step that it goes on from; at step 0 the input that it belongs to. */
  readonly parents: readonly number[]
  /** Tokens that each row has got since the previous step; at step 0 the prompt with its padding. [rows][n] */
  readonly tokens: readonly (readonly number[])[]
  /** Place in the row of the pass's first query. Above 0 at step 0 where a prompt cache held the tokens before. */
  readonly start: number
}

/** Keeps account of the steps while a decoding goes on. */
export class DecoderSteps {
  #last: DecoderStep | undefined
  #parents: readonly number[] | undefined

  /** The step that reads these tokens. */
  next(tokens: readonly (readonly number[])[], start: number): DecoderStep {
    const parents = this.#parents ?? tokens.map((_, row) => row)
    this.#parents = undefined
    const previous = this.#last
    return (this.#last = { index: previous ? previous.index + 1 : 0, previous, parents, tokens, start })
  }

  /** Row i of the next step goes on from row parents[i]. */
  reorder(parents: readonly number[]): void {
    const before = this.#parents
    this.#parents = before ? parents.map((parent) => before[parent]) : parents
  }
}

/** The input that a row belongs to, and all tokens that it has read up to this step. */
export function historyOf(step: DecoderStep, row: number): { readonly input: number; readonly tokens: number[] } {
  const parts: (readonly number[])[] = []
  let at = row
  for (let one: DecoderStep | undefined = step; one; one = one.previous) {
    parts.push(one.tokens[at])
    at = one.parents[at]
  }
  return { input: at, tokens: parts.reverse().flat() }
}

/**
 * The row of a step in which a sequence that was returned was being written; undefined where no row was, as after its end in a beam search.
 * @param sequence with its prompt or start token, as `generate` returns it
 * @param input number of the row in the batch that was given to `generate`
 */
export function rowWriting(step: DecoderStep, sequence: readonly number[], input = 0): number | undefined {
  const row = step.parents.findIndex((_, row) => {
    const history = historyOf(step, row)
    return history.input === input && history.tokens.every((token, i) => token === sequence[i])
  })
  return row < 0 ? undefined : row
}
