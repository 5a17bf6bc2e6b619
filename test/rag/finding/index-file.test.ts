import { describe, expect, test } from 'vitest'
import { Random } from '../../../bench/random.js'
import { crc32 } from '../../../src/rag/finding/crc32.js'
import { corpusFingerprint, requireIndexOf } from '../../../src/rag/finding/index-file.js'
import { decodeIndex, encodeIndex, FlatIndex, IndexFileError, type IndexDType } from '../../../src/rag/index.js'

const PASSAGES = ['a', 'b', 'c'].map((id) => ({ id, title: `Title ${id}`, text: `Text of ${id}.` }))
const META = { encoder: 'MiniLM', corpus: corpusFingerprint(PASSAGES) }
const VECTORS = Float32Array.from({ length: 3 * 5 }, (_, i) => Math.sin(i))
const DTYPES: readonly IndexDType[] = ['float32', 'int8']

const fileOf = (dtype: IndexDType) => encodeIndex(FlatIndex.fromVectors(VECTORS, 5, dtype), META)

/** A copy of the file with some bytes changed, its checksum made right again if asked. */
function changed(dtype: IndexDType, change: (view: DataView) => void, { reseal = true } = {}): Uint8Array {
  const bytes = fileOf(dtype).slice()
  const view = new DataView(bytes.buffer)
  change(view)
  if (reseal) view.setUint32(12, crc32(bytes.subarray(16)), true)
  return bytes
}

function expectRefused(bytes: Uint8Array, code: string): void {
  let error: unknown
  try {
    decodeIndex(bytes, 'index.bin')
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(IndexFileError)
  expect(error).toMatchObject({ code, message: expect.stringMatching(/^index\.bin/) as string })
}

test('CRC-32 of "123456789" is the check value of the standard', () => {
  const bytes = new TextEncoder().encode('123456789')
  expect(crc32(bytes)).toBe(0xcbf43926)
  expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

describe.each(DTYPES)('an index of %s', (dtype) => {
  test('comes out of its file as it went in', () => {
    const { index, meta } = decodeIndex(fileOf(dtype), 'index.bin')
    const original = FlatIndex.fromVectors(VECTORS, 5, dtype)
    expect(meta).toEqual(META)
    expect(index).toMatchObject({ dtype, dimension: 5, count: 3 })
    expect(index.vectors).toEqual(original.vectors)
    expect(index.scales).toEqual(original.scales)
    const query = Float32Array.of(1, 0, -1, 0.5, 2)
    expect(index.search(query, 3)).toEqual(original.search(query, 3))
  })

  test('is searched in place where its bytes are aligned, and read from everywhere', () => {
    const file = fileOf(dtype)
    expect(decodeIndex(file, 'index.bin').index.vectors.buffer).toBe(file.buffer)
    for (let shift = 1; shift < 8; shift++) {
      const moved = new Uint8Array(file.length + shift)
      moved.set(file, shift)
      expect(decodeIndex(moved.subarray(shift), 'index.bin').index.vectors).toEqual(
        FlatIndex.fromVectors(VECTORS, 5, dtype).vectors,
      )
    }
  })

  test('that lacks any number of its last bytes is refused', () => {
    const file = fileOf(dtype)
    for (let length = 0; length < file.length; length++) {
      expectRefused(file.subarray(0, length), length < 36 ? 'index-too-short' : 'index-size')
    }
  })

  test('with bytes after its end is refused', () => {
    const longer = new Uint8Array(fileOf(dtype).length + 1)
    longer.set(fileOf(dtype))
    expectRefused(longer, 'index-size')
  })

  test('in which any bit has changed is refused', () => {
    const file = fileOf(dtype)
    const reserved = 20 // set aside for later versions, but under the checksum like the rest
    for (let at = 0; at < file.length; at++) {
      const bit = 1 << (at % 8)
      const damaged = file.slice()
      damaged[at] ^= bit
      expect(() => decodeIndex(damaged, 'index.bin'), `byte ${at}`).toThrow(IndexFileError)
    }
    expectRefused(
      changed(dtype, (view) => view.setUint8(reserved, 1), { reseal: false }),
      'index-checksum',
    )
  })

  test.each<[string, string, (view: DataView) => void]>([
    ['another magic', 'not-an-index', (view) => view.setUint8(0, 0x58)],
    ['a later version', 'index-version', (view) => view.setUint32(8, 2, true)],
    ['an unknown dtype', 'index-dtype', (view) => view.setUint32(16, 7, true)],
    ['no dimensions', 'index-size', (view) => view.setUint32(24, 0, true)],
    ['no vectors', 'index-size', (view) => view.setUint32(28, 0, true)],
    ['one vector more than it has', 'index-size', (view) => view.setUint32(28, 4, true)],
    ['a longer JSON part than there are bytes', 'index-size', (view) => view.setUint32(32, 0xffffffff, true)],
    ['a JSON part that is cut', 'index-meta', (view) => view.setUint32(32, 30, true)],
    ['a JSON part that is none', 'index-meta', (view) => view.setUint8(36, 0x5b)],
  ])('with %s is refused, also when its checksum is right', (_name, code, change) => {
    expectRefused(changed(dtype, change), code)
  })

  test('with NaN in it is refused', () => {
    const { length } = fileOf(dtype)
    const floats = dtype === 'float32' ? length - 4 : length - 15 - 4 // last vector element, or last scale
    expectRefused(
      changed(dtype, (view) => view.setFloat32(floats, NaN, true)),
      'index-values',
    )
  })
})

test('counts that promise terabytes take no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  for (const [dimension, count] of [
    [0xffffffff, 0xffffffff],
    [384, 0xffffffff],
    [0x80000000, 1],
  ]) {
    const hostile = changed('float32', (view) => {
      view.setUint32(24, dimension, true)
      view.setUint32(28, count, true)
    })
    expectRefused(hostile, 'index-size')
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
})

test('whatever bytes are changed, the result is a typed error or an index', () => {
  const random = new Random(3)
  for (let round = 0; round < 2000; round++) {
    const damage = (view: DataView) => {
      for (let i = 0; i <= random.below(4); i++) view.setUint8(random.below(view.byteLength), random.below(256))
    }
    try {
      decodeIndex(changed(random.pick(DTYPES), damage), 'index.bin')
    } catch (error) {
      if (!(error instanceof IndexFileError)) throw error
    }
  }
})

describe('an index is used only with what it was made of', () => {
  const decoded = decodeIndex(fileOf('float32'), 'index.bin')
  const encoder = { name: 'MiniLM', dimension: 5 }

  test('the same passages and encoder', () => {
    requireIndexOf(decoded, { encoder, passages: PASSAGES }, 'index.bin')
  })
  test.each([
    ['another encoder', 'other-encoder', { encoder: { name: 'MPNet', dimension: 5 }, passages: PASSAGES }],
    ['vectors of another length', 'other-encoder', { encoder: { name: 'MiniLM', dimension: 6 }, passages: PASSAGES }],
    ['a passage less', 'other-corpus', { encoder, passages: PASSAGES.slice(1) }],
    ['another order', 'other-corpus', { encoder, passages: [...PASSAGES].reverse() }],
    ['a changed text', 'other-corpus', { encoder, passages: [...PASSAGES.slice(0, 2), { ...PASSAGES[2], text: 'X' }] }],
    [
      'a changed title',
      'other-corpus',
      { encoder, passages: [...PASSAGES.slice(0, 2), { ...PASSAGES[2], title: '' }] },
    ],
    ['a changed id', 'other-corpus', { encoder, passages: [...PASSAGES.slice(0, 2), { ...PASSAGES[2], id: 'd' }] }],
  ])('not %s', (_name, code, use) => {
    expect(() => requireIndexOf(decoded, use, 'index.bin')).toThrow(expect.objectContaining({ code }) as Error)
  })

  test('text that moves from one field to the next is another corpus', () => {
    const [one, other] = [
      { id: '1', title: 'ab', text: 'c' },
      { id: '1', title: 'a', text: 'bc' },
    ]
    expect(corpusFingerprint([one])).not.toBe(corpusFingerprint([other]))
  })
})
