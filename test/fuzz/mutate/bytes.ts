/**
 * Mutations that know nothing of the format: bytes changed, lost, doubled, and numbers of every width set to their limits.
 */
import type { Random } from '../../../bench/random.js'
import { join, LIMITS, LONGEST, times, type Mutate } from './mutate.js'

/** What is no UTF-8: a byte that is none, an overlong NUL, a surrogate, a code point beyond the last, a sequence that is cut off. */
const NO_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]

export const mutateBytes: Mutate = (input, random, others) => {
  let bytes: Uint8Array = input.slice()
  times(random, () => (bytes = random.pick(CHANGES)(bytes, random, others)))
  return bytes.subarray(0, LONGEST)
}

const CHANGES: readonly Mutate[] = [flip, set, setNumber, setNumber, remove, repeat, insert, cut, splice]

function flip(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8)
  return bytes
}

function set(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}

/** A number of 1, 2, 4 or 8 bytes, at a place that fits it or at any. */
function setNumber(bytes: Uint8Array, random: Random): Uint8Array {
  const width = random.pick([1, 2, 4, 8])
  if (bytes.length < width) return bytes
  const place = random.below(bytes.length - width + 1)
  const at = random.below(4) === 0 ? place : place - (place % width)
  const value = BigInt.asUintN(8 * width, BigInt(random.pick(LIMITS)) - BigInt(random.below(2)))
  const order = random.below(4) === 0
  for (let i = 0; i < width; i++) bytes[at + (order ? width - 1 - i : i)] = Number((value >> BigInt(8 * i)) & 0xffn)
  return bytes
}

function part(bytes: Uint8Array, random: Random): [start: number, end: number] {
  const start = random.below(bytes.length + 1)
  return [start, start + random.below(Math.min(bytes.length - start, 1 << random.below(12)) + 1)]
}

function remove(bytes: Uint8Array, random: Random): Uint8Array {
  const [start, end] = part(bytes, random)
  return join(bytes.subarray(0, start), bytes.subarray(end))
}

function repeat(bytes: Uint8Array, random: Random): Uint8Array {
  const [start, end] = part(bytes, random)
  const copies = Math.min(1 << random.below(14), Math.floor(LONGEST / Math.max(1, end - start)))
  return join(
    bytes.subarray(0, end),
    ...Array<Uint8Array>(copies).fill(bytes.subarray(start, end)),
    bytes.subarray(end),
  )
}

function insert(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1)
  const random8 = Array.from({ length: 1 + random.below(8) }, () => random.below(256))
  return join(bytes.subarray(0, at), Uint8Array.from(random.pick([...NO_UTF8, random8])), bytes.subarray(at))
}

function cut(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1))
}

/** The beginning of this one and the end of another. */
function splice(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(others)
  return join(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)))
}
