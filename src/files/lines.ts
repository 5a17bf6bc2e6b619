/**
 * The lines of a file that may be larger than memory.
 */
import { FileError } from '../errors.js'
import type { ByteSource } from './byte-source.js'

export interface Line {
  /** With its end; the last line may have none. A byte-order mark is left out. */
  readonly text: string
  /** From 1. */
  readonly number: number
}

const CHUNK_BYTES = 1 << 20
/** A line that is longer is none: the file is something else. */
const LONGEST = 64 << 20
const NEWLINE = 10

/** The lines of a source, or of the bytes from `start` to `end` of it. @throws FileError for what is not UTF-8, or a line above 64 MiB */
export async function* linesOf(source: ByteSource, start = 0, end = source.size): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let number = 0
  const decode = (bytes: Uint8Array): Line => {
    number++
    try {
      const text = decoder.decode(bytes)
      return { text: number === 1 ? text.replace(/^\ufeff/, '') : text, number }
    } catch (error) {
      throw new FileError('not-utf8', `${source.name}, line ${number}: not valid UTF-8 text`, { cause: error })
    }
  }
  let rest: Uint8Array[] = []
  let restBytes = 0
  for (let at = start; at < end; at += CHUNK_BYTES) {
    const chunk = await source.read(at, Math.min(at + CHUNK_BYTES, end))
    let from = 0
    for (let newline = chunk.indexOf(NEWLINE); newline >= 0; newline = chunk.indexOf(NEWLINE, from)) {
      const tail = chunk.subarray(from, newline + 1)
      yield decode(rest.length === 0 ? tail : joined([...rest, tail]))
      rest = []
      restBytes = 0
      from = newline + 1
    }
    if (from < chunk.length) rest.push(chunk.slice(from))
    restBytes += chunk.length - from
    if (restBytes > LONGEST) {
      throw new FileError('line-too-long', `${source.name}, line ${number + 1}: longer than ${LONGEST} bytes`)
    }
  }
  if (rest.length > 0) yield decode(joined(rest))
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
