/**
 * SHA-1 and SHA-256 over bytes that come in pieces (FIPS 180-4, https://doi.org/10.6028/NIST.FIPS.180-4). The Web Crypto of a page
 * wants the whole message at once, which for a model's weights is too much.
 */
import type { Hash, HashAlgorithm } from './cache.js'

const BLOCK = 64 // bytes

export function sha(algorithm: HashAlgorithm): Hash {
  const state = algorithm === 'sha1' ? Uint32Array.from(SHA1_START) : Uint32Array.from(SHA256_START)
  const compress = algorithm === 'sha1' ? compressSha1 : compressSha256
  const block = new Uint8Array(BLOCK)
  const view = new DataView(block.buffer)
  let filled = 0
  let length = 0
  const update = (bytes: Uint8Array) => {
    length += bytes.length
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(BLOCK - filled, bytes.length - at)
      block.set(bytes.subarray(at, at + taken), filled)
      filled += taken
      at += taken
      if (filled === BLOCK) {
        compress(state, view)
        filled = 0
      }
    }
  }
  return {
    update,
    digest: () => {
      const bits = BigInt(length) * 8n
      update(Uint8Array.of(0x80))
      update(new Uint8Array((2 * BLOCK - 8 - filled) % BLOCK))
      const end = new DataView(new ArrayBuffer(8))
      end.setBigUint64(0, bits)
      update(new Uint8Array(end.buffer))
      return [...state].map((word) => word.toString(16).padStart(8, '0')).join('')
    },
  }
}

const SHA1_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
const SHA1_K = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6]
const schedule = new Int32Array(80)

function compressSha1(state: Uint32Array, block: DataView): void {
  const w = schedule
  for (let t = 0; t < 16; t++) w[t] = block.getInt32(4 * t)
  for (let t = 16; t < 80; t++) w[t] = rotateLeft(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1)
  let [a, b, c, d, e] = state
  for (let t = 0; t < 80; t++) {
    const round = (t / 20) | 0
    const f = round === 0 ? (b & c) ^ (~b & d) : round === 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d
    const next = (rotateLeft(a, 5) + f + e + SHA1_K[round] + w[t]) | 0
    e = d
    d = c
    c = rotateLeft(b, 30)
    b = a
    a = next
  }
  add(state, a, b, c, d, e)
}

/** The first 32 bits behind the point of the square or cube roots of the first primes. */
function rootBits(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) >>> 0)
}

const SHA256_START = /* @__PURE__ */ rootBits(8, Math.sqrt)
const SHA256_K = /* @__PURE__ */ Int32Array.from(/* @__PURE__ */ rootBits(64, Math.cbrt))

function compressSha256(state: Uint32Array, block: DataView): void {
  const w = schedule
  for (let t = 0; t < 16; t++) w[t] = block.getInt32(4 * t)
  for (let t = 16; t < 64; t++) {
    const s0 = rotateRight(w[t - 15], 7) ^ rotateRight(w[t - 15], 18) ^ (w[t - 15] >>> 3)
    const s1 = rotateRight(w[t - 2], 17) ^ rotateRight(w[t - 2], 19) ^ (w[t - 2] >>> 10)
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0
  }
  let [a, b, c, d, e, f, g, h] = state
  for (let t = 0; t < 64; t++) {
    const s1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + SHA256_K[t] + w[t]) | 0
    const s0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  add(state, a, b, c, d, e, f, g, h)
}

function add(state: Uint32Array, ...words: readonly number[]): void {
  words.forEach((word, i) => (state[i] += word))
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

function rotateRight(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}
