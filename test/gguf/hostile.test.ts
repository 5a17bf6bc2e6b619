import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../src/files/byte-source.js'
import { GgufError, GgufFile } from '../../src/gguf/index.js'
import { GgufBytes } from '../support/gguf-bytes.js'

const F32 = 0
const Q4_0 = 2
const LIST = 9
const HUGE = 2n ** 62n
const LONG = 'x'.repeat(60_000)

const make = () => new GgufBytes()

/** A list in a list and so on, so many deep. */
function nested(depth: number): GgufBytes {
  const bytes = make().start(0, 1).text('deep').uint32(LIST)
  for (let i = 0; i < depth; i++) bytes.uint32(LIST).uint64(1)
  return bytes.uint32(0).uint64(1).uint8(7)
}

const WRONG: readonly (readonly [what: string, code: string, bytes: GgufBytes])[] = [
  ['another kind of file', 'gguf-magic', make().uint32(0x04034b50).uint32(3).uint64(0).uint64(0)],
  ['no bytes', 'gguf-truncated', make()],
  ['a beginning alone', 'gguf-truncated', make().uint32(0x46554747).uint32(3)],
  ['version 1', 'gguf-version', make().start(0, 0, 1)],
  ['a later version', 'gguf-version', make().start(0, 0, 4)],
  ['big-endian order', 'gguf-version', make().start(0, 0, 0x03000000)],
  ['more keys than bytes', 'gguf-truncated', make().start(0, 1000)],
  ['2^62 keys', 'gguf-too-large', make().start(0, HUGE)],
  ['2^62 tensors', 'gguf-too-large', make().start(HUGE, 0)],
  ['more tensors than bytes', 'gguf-truncated', make().start(60_000, 0)],
  ['a key of 2^62 bytes', 'gguf-too-large', make().start(0, 1).uint64(HUGE).data(64)],
  ['a key beyond the end', 'gguf-truncated', make().start(0, 1).uint64(60_000).data(64)],
  ['a text of 2^62 bytes', 'gguf-truncated', make().start(0, 1).text('a').uint32(8).uint64(HUGE).data(64)],
  ['a list of 2^62 texts', 'gguf-truncated', make().start(0, 1).text('a').uint32(LIST).uint32(8).uint64(HUGE).data(64)],
  [
    'a list of 2^62 numbers',
    'gguf-truncated',
    make().start(0, 1).text('a').uint32(LIST).uint32(6).uint64(HUGE).data(64),
  ],
  [
    'a list of 2^62 lists',
    'gguf-truncated',
    make().start(0, 1).text('a').uint32(LIST).uint32(LIST).uint64(HUGE).data(64),
  ],
  ['lists nested without end', 'gguf-value', nested(10_000)],
  ['a value of an unknown type', 'gguf-value', make().start(0, 1).text('a').uint32(13).uint64(0)],
  ['a list of an unknown type', 'gguf-value', make().start(0, 1).text('a').uint32(LIST).uint32(99).uint64(1).uint64(0)],
  ['a boolean of 2', 'gguf-value', make().start(0, 1).text('a').uint32(7).uint8(2)],
  ['a text that is not UTF-8', 'gguf-value', make().start(0, 1).text('a').uint32(8).text(Uint8Array.of(0xff, 0xfe))],
  [
    'a short text with half a character',
    'gguf-value',
    make().start(0, 1).text('a').uint32(8).text(Uint8Array.of(0x41, 0xc3)),
  ],
  ['a key twice', 'gguf-duplicate', make().start(0, 2).entry('a', 'b').entry('a', 'c')],
  ['a tensor twice', 'gguf-duplicate', make().start(2, 0).tensor('t', [4], F32, 0).tensor('t', [4], F32, 32).data(64)],
  ['a tensor without dimensions', 'gguf-shape', make().start(1, 0).tensor('t', [], F32, 0).data(64)],
  ['five dimensions', 'gguf-shape', make().start(1, 0).tensor('t', [1, 1, 1, 1, 1], F32, 0).data(64)],
  ['a size of 0', 'gguf-shape', make().start(1, 0).tensor('t', [4, 0], F32, 0).data(64)],
  [
    'sizes whose product overflows',
    'gguf-shape',
    make()
      .start(1, 0)
      .tensor('t', [2n ** 32n, 2n ** 32n], F32, 0)
      .data(64),
  ],
  ['rows that are no whole blocks', 'gguf-shape', make().start(1, 0).tensor('t', [33, 2], Q4_0, 0).data(64)],
  ['an unknown number format', 'gguf-type', make().start(1, 0).tensor('t', [4], 4, 0).data(64)],
  ['a tensor beyond the end', 'gguf-truncated', make().start(1, 0).tensor('t', [64], F32, 0).data(64)],
  [
    'an offset of 2^63',
    'gguf-truncated',
    make()
      .start(1, 0)
      .tensor('t', [4], F32, 2n ** 63n)
      .data(64),
  ],
  ['an offset that is not aligned', 'gguf-alignment', make().start(1, 0).tensor('t', [4], F32, 4).data(64)],
  [
    'tensors that share bytes',
    'gguf-overlap',
    make().start(2, 0).tensor('s', [16], F32, 0).tensor('t', [4], F32, 32).data(64),
  ],
  ['an alignment of 0', 'gguf-alignment', make().start(0, 1).text('general.alignment').uint32(4).uint32(0)],
  ['an alignment of 48', 'gguf-alignment', make().start(0, 1).text('general.alignment').uint32(4).uint32(48)],
  [
    'an alignment of 2^31',
    'gguf-alignment',
    make()
      .start(0, 1)
      .text('general.alignment')
      .uint32(4)
      .uint32(2 ** 31),
  ],
  ['an alignment that is a text', 'gguf-alignment', make().start(0, 1).entry('general.alignment', '32')],
  ['a long name in what is wrong', 'gguf-duplicate', make().start(0, 2).entry(LONG, 'b').entry(LONG, 'c')],
]

describe('a GGUF file with', () => {
  test.each(WRONG)('%s is refused by a short error with a code of its own', async (_, code, bytes) => {
    const error: unknown = await GgufFile.open(bytes.done()).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(GgufError)
    expect(error).toMatchObject({ code })
    expect((error as Error).message.length).toBeLessThanOrEqual(1000)
  })
})

test('a file cut anywhere is refused as truncated', async () => {
  const whole = make()
    .start(2, 2)
    .entry('general.name', 'two')
    .entry('b', 'c')
    .tensor('s', [4], F32, 0)
    .tensor('t', [32], Q4_0, 32)
    .data(50)
    .done()
  expect((await GgufFile.open(whole)).tensors.size).toBe(2)
  for (let length = 0; length < whole.length; length++) {
    const error: unknown = await GgufFile.open(whole.slice(0, length)).catch((error: unknown) => error)
    expect(error, `${length} bytes`).toMatchObject({ code: 'gguf-truncated' })
  }
})

test('a byte changed anywhere in the header gives the file, or an error of ours', async () => {
  const whole = make()
    .start(1, 2)
    .entry('general.name', 'two')
    .text('b')
    .uint32(LIST)
    .uint32(5)
    .uint64(2)
    .uint32(1)
    .uint32(2)
    .tensor('s', [32], Q4_0, 0)
    .data(18)
    .done()
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 1, 9, 0x7f, 0xff]) {
      const error: unknown = await GgufFile.open(whole.with(at, value)).catch((error: unknown) => error)
      expect(error instanceof GgufFile || error instanceof GgufError, `byte ${at} is ${value}`).toBe(true)
    }
  }
})

test('of a file that claims terabytes only its beginning is read', async () => {
  const bytes = make()
    .start(1, 1)
    .text('a')
    .uint32(LIST)
    .uint32(6)
    .uint64(2n ** 40n)
    .data(64)
    .done()
  let read = 0
  const source = { ...bytesSource(bytes, 'large'), size: 2 ** 45 }
  const counted = {
    ...source,
    read: async (start: number, end: number) => {
      read += end - start
      return new Uint8Array(end - start).map((_, i) => bytes[start + i] ?? 0)
    },
  }
  await expect(GgufFile.open(counted)).rejects.toMatchObject({ code: 'gguf-too-large' })
  expect(read).toBeLessThan(10 * 2 ** 20)
})
