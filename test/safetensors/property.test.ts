import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { SafetensorsError, SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor, type DType } from '../../src/tensor/index.js'
import { goldenPath } from '../support/goldens.js'

const DTYPES = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
] as const
const NAMES = ['a', 'b.weight', '__proto__', 'constructor', 'größe', '名前', '👩‍👧', '"\\\n', '', ' ', 'x'.repeat(300)]

function randomTensor(random: Random): Tensor {
  const dtype: DType = random.pick(DTYPES)
  const tensor = Tensor.zeros(
    dtype,
    Array.from({ length: random.below(4) }, () => random.below(4)),
  )
  const { buffer, byteOffset, byteLength } = tensor.data
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  bytes.forEach((_, i) => (bytes[i] = random.below(dtype === 'bool' ? 2 : 256)))
  return tensor
}

test('whatever tensors are written, the same are read', async () => {
  const random = new Random(1)
  for (let round = 0; round < 300; round++) {
    const names = random.shuffle(NAMES).slice(0, random.below(NAMES.length + 1))
    const tensors = new Map(names.map((name) => [name, randomTensor(random)]))
    const file = await SafetensorsFile.open(writeSafetensors(tensors))
    expect([...file.tensors.keys()].sort()).toEqual([...names].sort())
    for (const [name, { dtype, shape, data }] of tensors) {
      const read = await file.tensor(name)
      expect(read, name).toMatchObject({ dtype, shape })
      expect(bytesOf(read.data), name).toEqual(bytesOf(data))
    }
  }
})

describe('whatever the bytes are, the result is a file or a SafetensorsError, and little memory is taken', () => {
  const good = new Uint8Array(readFileSync(goldenPath('safetensors/dtypes/every-dtype.safetensors')))

  test('random bytes, with a likely header length or not', async () => {
    await fuzz(2, 2000, (random) => {
      const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256))
      if (bytes.length >= 8 && random.below(2) === 0) bytes.set([random.below(bytes.length), 0, 0, 0, 0, 0, 0, 0])
      return bytes
    })
  })

  test('a good file with some bytes changed, or cut', async () => {
    await fuzz(3, 3000, (random) => {
      const bytes = good.slice(0, random.below(5) === 0 ? random.below(good.length) : good.length)
      const reach = random.below(2) === 0 ? Math.min(1200, bytes.length) : bytes.length // the header, or anywhere
      for (let change = 0; change <= random.below(4) && reach > 0; change++) {
        bytes[random.below(reach)] = random.below(256)
      }
      return bytes
    })
  })

  test('a good header with values of its fields changed', async () => {
    const values = [
      '0',
      '-1',
      '1e9',
      '1.0',
      '4294967296',
      '9007199254740993',
      '18446744073709551615',
      '"F32"',
      'null',
      '{}',
      '[]',
    ]
    const length = Number(new DataView(good.buffer).getBigUint64(0, true))
    const json = new TextDecoder().decode(good.subarray(8, 8 + length))
    await fuzz(4, 3000, (random) => {
      const numbers = [...json.matchAll(/\d+|"[A-Z]+\d+[^"]*"/g)]
      const { index, 0: old } = random.pick(numbers)
      const header = new TextEncoder().encode(
        json.slice(0, index) + random.pick(values) + json.slice(index + old.length),
      )
      const bytes = new Uint8Array(8 + header.length + good.length - 8 - length)
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
      bytes.set(header, 8)
      bytes.set(good.subarray(8 + length), 8 + header.length)
      return bytes
    })
  })
})

async function fuzz(seed: number, rounds: number, make: (random: Random) => Uint8Array): Promise<void> {
  const random = new Random(seed)
  const before = process.memoryUsage().arrayBuffers
  let [most, refused] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const bytes = make(random)
    try {
      const file = await SafetensorsFile.open(bytes)
      for (const name of file.tensors.keys()) await file.tensor(name)
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error
      refused++
    }
    most = Math.max(most, process.memoryUsage().arrayBuffers)
  }
  expect(refused).toBeGreaterThan(rounds / 10)
  expect(most - before).toBeLessThan(64 * 2 ** 20) // what is not collected yet of thousands of small files
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
