/**
 * What is fuzzed: a kind of input from outside, and what reads it.
 */
import type { Mutate } from './mutate/mutate.js'

export interface Target {
  readonly name: string
  /** Small good inputs, made or from the repository. Those in `corpus/NAME/` come to them. */
  seeds(): Promise<readonly Uint8Array[]> | readonly Uint8Array[]
  readonly mutate: Mutate
  /** Makes what reads: it takes in an input and returns, or throws a GlassformerError. Anything else is a finding. */
  open(): Promise<Reading>
  /** Most seconds that an input may take; more is a finding. */
  readonly seconds: number
  /** Most megabytes that the process may grow by with an input; more is a finding. */
  readonly megabytes: number
  /** Whether it reads in this thread, so that what code is reached can be known. */
  readonly here: boolean
}

export interface Reading {
  read(input: Uint8Array): Promise<void>
  close?(): Promise<void> | void
}

/** For a target that needs nothing but a function. */
export const reading = (read: (input: Uint8Array) => Promise<void>) => async (): Promise<Reading> => ({ read })
