/**
 * Reads a header from its beginning to its end without knowing its length, in pieces, so that a file behind a URL costs few requests.
 * Every length is compared with what the file has left before anything is made for it.
 */
import type { ByteSource } from '../files/byte-source.js'
import { GgufTooLargeError, GgufTruncatedError, GgufValueError } from './errors.js'

const PIECE_BYTES = 4 << 20
/** A vocabulary of 262,144 tokens with its merges takes 20 MB. */
const MAX_HEADER_BYTES = 100_000_000

/** Texts up to this length, such as tokens, are decoded here where that is simple: a TextDecoder takes longer to call than to decode. */
const SHORT_TEXT = 48

export class HeaderReader {
  readonly #source: ByteSource
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(this.#bytes.buffer)
  /** Place in the file of the first byte held. */
  #start = 0
  /** Place among the bytes held. */
  #at = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** Name of the file, for messages. */
  get name(): string {
    return this.#source.name
  }

  /** Place in the file. */
  get position(): number {
    return this.#start + this.#at
  }

  /** Bytes of the file that follow. */
  get left(): number {
    return this.#source.size - this.position
  }

  /** Whether so many bytes are here, so that what follows need not wait. */
  has(bytes: number): boolean {
    return this.#at + bytes <= this.#bytes.length
  }

  /**
   * Brings so many bytes here.
   * @throws GgufTruncatedError when the file has fewer, GgufTooLargeError when the header would be longer than any
   */
  async fill(bytes: number, what: string): Promise<void> {
    if (this.has(bytes)) return
    this.requireLeft(bytes, what)
    if (this.position + bytes > MAX_HEADER_BYTES) {
      throw new GgufTooLargeError(
        this.name,
        `the header is longer than ${MAX_HEADER_BYTES} bytes at ${what}; this is not a model, or it is damaged`,
      )
    }
    const start = this.position
    const read = await this.#source.read(start, Math.min(this.#source.size, start + Math.max(bytes, PIECE_BYTES)))
    this.#bytes = read
    this.#view = new DataView(read.buffer, read.byteOffset, read.byteLength)
    this.#start = start
    this.#at = 0
  }

  /** @throws GgufTruncatedError when the file has fewer bytes left, or a count of things of a least size cannot fit into it */
  requireLeft(bytes: number | bigint, what: string): void {
    if (bytes <= this.left) return
    throw new GgufTruncatedError(
      this.name,
      `${what} needs ${bytes} bytes at byte ${this.position}, the file has ${this.left} left; download it again`,
    )
  }

  uint32(): number {
    return this.#next(4).getUint32(this.#at - 4, true)
  }

  uint64(): bigint {
    return this.#next(8).getBigUint64(this.#at - 8, true)
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array {
    this.#next(length)
    return this.#bytes.slice(this.#at - length, this.#at)
  }

  /** @throws GgufValueError for what is not UTF-8 */
  text(length: number, what: string): string {
    this.#next(length)
    const short = length <= SHORT_TEXT ? shortText(this.#bytes, this.#at - length, this.#at) : undefined
    if (short !== undefined) return short
    try {
      return this.#text.decode(this.#bytes.subarray(this.#at - length, this.#at))
    } catch (error) {
      throw new GgufValueError(this.name, `${what} is not valid UTF-8 text`, { cause: error })
    }
  }

  /** Steps over bytes that {@link fill} has brought. */
  #next(bytes: number): DataView {
    this.#at += bytes
    return this.#view
  }
}

/** UTF-8 whose characters have one or two bytes each; undefined for other bytes. */
function shortText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte < 0x80) text += String.fromCharCode(byte)
    else {
      if (byte < 0xc2 || byte > 0xdf || at + 1 === end || bytes[at + 1] >> 6 !== 2) return undefined
      text += String.fromCharCode(((byte & 31) << 6) | (bytes[++at] & 63))
    }
  }
  return text
}
