/**
 * GGUF files by hand, byte for byte, for the ways in which one can be wrong that no program writes.
 */

export class GgufBytes {
  readonly #bytes: number[] = []

  uint8(value: number): this {
    this.#bytes.push(value & 255)
    return this
  }

  uint32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.uint8(value >>> shift)
    return this
  }

  uint64(value: number | bigint): this {
    for (let shift = 0n; shift < 64n; shift += 8n) this.uint8(Number((BigInt(value) >> shift) & 255n))
    return this
  }

  text(value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    this.uint64(bytes.length)
    for (const byte of bytes) this.uint8(byte)
    return this
  }

  /** Magic, version and the counts of tensors and keys. */
  start(tensors: number | bigint, keys: number | bigint, version = 3): this {
    return this.uint32(0x46554747).uint32(version).uint64(tensors).uint64(keys)
  }

  /** A key with a text. */
  entry(key: string, value: string): this {
    return this.text(key).uint32(8).text(value)
  }

  /** A tensor's entry; sizes as in the file, innermost first. */
  tensor(name: string, sizes: readonly (number | bigint)[], type: number, offset: number | bigint): this {
    this.text(name).uint32(sizes.length)
    for (const size of sizes) this.uint64(size)
    return this.uint32(type).uint64(offset)
  }

  /** Zeros up to a multiple of `alignment`, and then so many bytes. */
  data(bytes: number, alignment = 32): this {
    while (this.#bytes.length % alignment !== 0) this.uint8(0)
    for (let i = 0; i < bytes; i++) this.uint8(i)
    return this
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}
