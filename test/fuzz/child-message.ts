/**
 * What a process that fuzzes says to the one that started it.
 */

/** What the process says, one message each. */
export type ChildMessage =
  | { readonly kind: 'finding'; readonly what: string; readonly detail: string; readonly input: string }
  | { readonly kind: 'counts'; readonly counts: Counts }

export interface Counts {
  /** Inputs that were read, those that were refused by a typed error, and those that were kept since they reached new code. */
  readonly inputs: number
  readonly refused: number
  readonly kept: number
  readonly blocks: number
}

/** Number of the input and its length, as they stand before it in the file. */
export const PREFIX_BYTES = 8
