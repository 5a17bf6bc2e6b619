/**
 * What every mutator works with. A mutator makes one hostile input of a good one; it may look at other good ones for material.
 */
import type { Random } from '../../../bench/random.js'

/** @param others the inputs from which this one was picked */
export type Mutate = (input: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

/** No input is longer: what takes long or much memory at this length does so for its form. */
export const LONGEST = 1 << 17

/** Whole numbers at which readers go wrong. */
export const LIMITS = [
  0, 1, 2, 3, 63, 64, 65, 127, 128, 255, 256, 65_535, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32,
  2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 1,
] as const // prettier-ignore

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const toBytes = (text: string): Uint8Array => encoder.encode(text).subarray(0, LONGEST)
export const toText = (bytes: Uint8Array): string => decoder.decode(bytes)

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Applies a mutator as often as the dice say, mostly once. */
export function times(random: Random, step: () => void): void {
  do step()
  while (random.below(3) === 0)
}
