/**
 * Mutations of GGUF files. What a reader trusts stands at the beginning: counts, lengths, kinds of values and offsets, each a number of its own.
 */
import type { Random } from '../../../bench/random.js'
import { mutateBytes } from './bytes.js'
import { join, LIMITS, times, type Mutate } from './mutate.js'

/** Names and numbers of the seeds are within it. */
const HEADER_BYTES = 8192

export const mutateGguf: Mutate = (file, random, others) => {
  if (random.below(8) === 0) return mutateBytes(file, random, others)
  const [header, data] = [file.slice(0, HEADER_BYTES), file.subarray(HEADER_BYTES)]
  if (random.below(3) === 0) return join(mutateBytes(header, random, others), data)
  times(random, () => setLength(header, random))
  return join(header, data)
}

/** Changes one of the numbers of 8 bytes that look like a count, a length or an offset, or one of 4 that look like a kind. */
function setLength(header: Uint8Array, random: Random): void {
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  const places: number[] = []
  for (let at = 4; at + 8 <= header.length; at++) {
    if (view.getUint32(at + 4, true) === 0 && header[at + 3] === 0 && header[at + 2] === 0) places.push(at)
  }
  if (places.length === 0) return
  const at = random.pick(places)
  const number = BigInt(random.pick(LIMITS)) - BigInt(random.below(2))
  if (random.below(4) === 0) view.setUint32(at, Number(BigInt.asUintN(32, number)), true)
  else view.setBigUint64(at, BigInt.asUintN(64, number), true)
}
