/**
 * Headers that are made to take for ever, all memory or the stack: each is refused by an error of its kind, with a message that can be read.
 */
import { describe, expect, test } from 'vitest'
import { SafetensorsError, SafetensorsFile, WriteError, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/index.js'

function fileOf(json: string, dataSize = 0): Uint8Array {
  const header = new TextEncoder().encode(json)
  const bytes = new Uint8Array(8 + header.length + dataSize)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(header, 8)
  return bytes
}

const EMPTY = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
const many = (count: number, entry: (i: number) => string) => Array.from({ length: count }, (_, i) => entry(i)).join()
const shaped = (rank: number) => `{"a":{"dtype":"U8","shape":[${many(rank, () => '1')}],"data_offsets":[0,1]}}`

describe('a hostile header is refused', () => {
  test.each([
    [
      '100,000 dimensions of 2^53 - 1',
      'tensor-shape',
      `{"a":{"dtype":"F32","shape":[${many(1e5, () => '9007199254740991')}],"data_offsets":[0,4]}}`,
    ],
    ['65 dimensions', 'tensor-shape', shaped(65)],
    ['a name of 10 MB', 'header-json', `{"${'a'.repeat(10e6)}":${EMPTY}}`],
    ['a name of 1,025 characters', 'header-json', `{"${'a'.repeat(1025)}":${EMPTY}}`],
    ['a dtype of 10 MB', 'unknown-dtype', `{"a":{"dtype":"${'F'.repeat(10e6)}","shape":[0],"data_offsets":[0,0]}}`],
    ['a string of 10 MB without an end', 'header-json', `{"__metadata__":{"a":"${'a'.repeat(10e6)}`],
    ['a number of 10 MB', 'tensor-shape', shaped(1).replace('[1]', `[${'1'.repeat(10e6)}]`)],
    ['500,002 tensors', 'header-json', `{${many(500_002, (i) => `"${i}":${EMPTY}`)}}`],
    ['100,001 entries of metadata', 'header-json', `{"__metadata__":{${many(100_001, (i) => `"${i}":""`)}}}`],
    ['a tensor of 1,025 fields', 'header-json', `{"a":{${many(1025, (i) => `"${i}":0`)}}}`],
    ['a million lists within each other', 'header-json', `{"a":{"x":${'['.repeat(1e6)}`],
    ['two names of 1,024 characters', 'duplicate-key', `{${many(2, () => `"${'\\u0007'.repeat(170)}":${EMPTY}`)}}`],
    ['an error at a name of 1,000 characters', 'tensor-entry', `{"${'a'.repeat(1000)}":{}}`],
  ])('%s', async (_what, code, json) => {
    const error = await SafetensorsFile.open(fileOf(json, 4)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SafetensorsError)
    const { code: got, message, cause } = error as SafetensorsError
    expect(got).toBe(code)
    expect(message.length).toBeLessThanOrEqual(1000)
    if (cause !== undefined) expect((cause as Error).message.length).toBeLessThanOrEqual(1000)
  })
})

describe('what is large and right is read', () => {
  test('metadata of 10 MB, with and without escapes', async () => {
    const texts = ['a'.repeat(10e6), '"\\ü🙂\n'.repeat(1e6)]
    for (const text of texts) {
      const file = await SafetensorsFile.open(fileOf(JSON.stringify({ __metadata__: { text } })))
      expect(file.metadata.get('text') === text).toBe(true)
    }
  })

  test('64 dimensions, and a name of 1,024 characters', async () => {
    expect((await SafetensorsFile.open(fileOf(shaped(64), 1))).tensors.get('a')!.shape).toHaveLength(64)
    const name = 'a'.repeat(1024)
    expect((await SafetensorsFile.open(fileOf(`{"${name}":${EMPTY}}`))).tensors.has(name)).toBe(true)
  })
})

test('nothing is written that would not be read', () => {
  const none = Tensor.zeros('uint8', [0])
  const write = (name: string, tensor = none, metadata = {}) => writeSafetensors([[name, tensor]], metadata)
  expect(() => write('a'.repeat(1025))).toThrow(WriteError)
  expect(() => write('a', Tensor.zeros('uint8', new Array<number>(65).fill(1)))).toThrow('65 axes of "a"')
  expect(() => write('a', none, { ['b'.repeat(1025)]: '' })).toThrow('characters of the name')
  expect(() => write('a', none, { text: 'x'.repeat(100e6) })).toThrow('bytes of header, a file may have 100000000')
})
