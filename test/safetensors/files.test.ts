import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { bytesSource, type ByteSource } from '../../src/files/byte-source.js'
import { memoryFolder } from '../../src/files/folder.js'
import { openCheckpoint, SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenJson, goldenPath } from '../support/goldens.js'

const read = (path: string) => new Uint8Array(readFileSync(path))
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

type Recorded = number | boolean | string
const { tensors: recorded, metadata } = goldenJson<{
  tensors: Record<string, { dtype: string; shape: number[]; values: Recorded[] }>
  metadata: Record<string, string>
}>('safetensors/dtypes/every-dtype.json')

describe('every dtype', async () => {
  const bytes = read(goldenPath('safetensors/dtypes/every-dtype.safetensors'))
  const file = await SafetensorsFile.open(bytes)

  test.each(Object.entries(recorded))('%s has the values that were written', async (name, { shape, values }) => {
    const tensor = await file.tensor(name)
    expect(tensor.shape).toEqual(shape)
    if (tensor.dtype === 'int64') expect(Array.from(tensor.data, String)).toEqual(values)
    else if (tensor.dtype === 'bool') expect(tensor.toArray()).toEqual(values.map(Number))
    else expect(tensor.toArray()).toEqual(values.map((value) => (value === '-0' ? -0 : Number(value))))
  })
  test('metadata', () => {
    expect(Object.fromEntries(file.metadata)).toEqual(metadata)
  })
  test('data that is not aligned gives the same values', async () => {
    for (let shift = 1; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift)
      moved.set(bytes, shift)
      const other = await SafetensorsFile.open(moved.subarray(shift))
      for (const name of file.tensors.keys()) {
        expect((await other.tensor(name)).toArray(), name).toEqual((await file.tensor(name)).toArray())
      }
    }
  })
  test('aligned data in memory is not copied', async () => {
    const tensor = await file.tensor('u8')
    expect(tensor.data.buffer).toBe(bytes.buffer)
  })
  test('a file that is read and written again has the same tensors, bit by bit', async () => {
    const tensors = await Promise.all(
      [...file.tensors.keys()].map(async (name) => [name, await file.tensor(name)] as const),
    )
    const again = await SafetensorsFile.open(writeSafetensors(tensors, Object.fromEntries(file.metadata)))
    expect([...again.tensors.keys()].sort()).toEqual([...file.tensors.keys()].sort())
    expect([...again.metadata]).toEqual([...file.metadata])
    for (const [name, { dtype, shape, data }] of tensors)
      expect(await again.tensor(name), name).toMatchObject({ dtype, shape, data })
  })
})

test('every 16-bit and 8-bit float pattern has the value that PyTorch gives it', async () => {
  const file = await SafetensorsFile.open(read(goldenPath('safetensors/dtypes/all-bit-patterns.safetensors')))
  for (const name of ['bf16', 'f16', 'f8_e4m3', 'f8_e5m2']) {
    expect((await file.tensor(name)).toArray(), name).toEqual((await file.tensor(`${name}_as_f32`)).toArray())
  }
})

test('only the header and the tensor that is asked for are read', async () => {
  const bytes = read(goldenPath('bert/base/model.safetensors'))
  const reads: [number, number][] = []
  const source: ByteSource = {
    ...bytesSource(bytes),
    read: (start, end) => {
      reads.push([start, end])
      return bytesSource(bytes).read(start, end)
    },
  }
  const file = await SafetensorsFile.open(source)
  const opened = reads.length
  await file.tensor('pooler.dense.bias')
  expect(opened).toBe(2)
  expect(reads.slice(2).map(([start, end]) => end - start)).toEqual([32 * 4])
})

describe('checkpoint folders', () => {
  const shards = (change: (files: Map<string, Uint8Array>) => void) => {
    const folder = goldenPath('safetensors/sharded-f32')
    const names = ['model.safetensors.index.json', ...[1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`)]
    const files = new Map(names.map((name) => [name, read(`${folder}/${name}`)]))
    change(files)
    return openCheckpoint(memoryFolder(files, 'folder'))
  }
  const rewriteIndex = (files: Map<string, Uint8Array>, change: (map: Record<string, unknown>) => void) => {
    const index = JSON.parse(new TextDecoder().decode(files.get('model.safetensors.index.json'))) as {
      weight_map: Record<string, unknown>
    }
    change(index.weight_map)
    files.set('model.safetensors.index.json', new TextEncoder().encode(JSON.stringify(index)))
  }

  test('a checkpoint of shards holds the tensors of all its files', async () => {
    const sharded = await shards(() => {})
    let count = 0
    for (const shard of [1, 2, 3]) {
      const file = await SafetensorsFile.open(
        read(goldenPath(`safetensors/sharded-f32/model-0000${shard}-of-00003.safetensors`)),
      )
      for (const name of file.tensors.keys())
        expect((await sharded.tensor(name)).data).toEqual((await file.tensor(name)).data)
      count += file.tensors.size
    }
    expect(sharded.tensors.size).toBe(count)
  })
  test('a missing shard is named', async () => {
    await expect(shards((files) => files.delete('model-00002-of-00003.safetensors'))).rejects.toThrow(
      /there is no model-00002-of-00003.safetensors/,
    )
  })
  test('a shard outside the folder is refused', async () => {
    const change = (map: Record<string, unknown>) => (map['pooler.dense.bias'] = '../secret.safetensors')
    await expect(shards((files) => rewriteIndex(files, change))).rejects.toMatchObject({ code: 'shard-index' })
  })
  test('a tensor that the index does not list is named', async () => {
    const change = (map: Record<string, unknown>) => delete map['pooler.dense.bias']
    await expect(shards((files) => rewriteIndex(files, change))).rejects.toThrow(
      /"pooler.dense.bias" of .* is listed nowhere/,
    )
  })
  test('a tensor that its shard does not hold is named', async () => {
    const change = (map: Record<string, unknown>) => (map.extra = 'model-00001-of-00003.safetensors')
    await expect(shards((files) => rewriteIndex(files, change))).rejects.toThrow(/tensor "extra" is not in model-00001/)
  })
  test('a file name that is not a string is refused', async () => {
    await expect(shards((files) => rewriteIndex(files, (map) => (map['pooler.dense.bias'] = 3)))).rejects.toMatchObject(
      { code: 'config-type' },
    )
  })
  test('a folder without weights says which file is missing, and why a pickle is not read', async () => {
    await expect(
      openCheckpoint(memoryFolder(new Map([['pytorch_model.bin', new Uint8Array(3)]]), 'm')),
    ).rejects.toThrow(/there is no model.safetensors.*pytorch_model.bin can run code/)
  })
  test('an unknown tensor is refused with near names', async () => {
    const file = await shards(() => {})
    await expect(file.tensor('bert.pooler.dense.bias')).rejects.toThrow(
      /there is no tensor "bert.pooler.dense.bias".*near: pooler.dense.bias/,
    )
  })
})

/** What written-by-glassformer.safetensors holds. */
function sample(): Uint8Array {
  const grid = Tensor.float32([1, -2.5, 3, 4, 5, 6], [2, 3])
  return writeSafetensors(
    [
      ['a.float32', grid],
      ['b.transposed', grid.transpose()],
      ['c.float16', grid.to('float16')],
      ['d.int64', grid.to('int64')],
      ['e.uint8', Tensor.float32([1, 2, 255]).to('uint8')],
      ['f.bool', Tensor.float32([1, 0, 1]).to('bool')],
      ['g.scalar', Tensor.float32([7], [])],
      ['h.empty', Tensor.zeros('float32', [0, 4])],
      ['ï.名前', grid.to('int32')],
    ],
    { format: 'pt', note: 'é' },
  )
}

describe('other programs', () => {
  const record = JSON.parse(readFileSync(here('official-record.json'), 'utf8')) as {
    sha256: Record<string, string>
    metadata: Record<string, string>
    read: Record<string, { dtype: string; shape: number[]; values: number[] }>
  }

  test('our file is still the one that the official Python library read', () => {
    expect(Buffer.from(sample())).toEqual(readFileSync(here('written-by-glassformer.safetensors')))
    expect(createHash('sha256').update(sample()).digest('hex')).toBe(
      record.sha256['written-by-glassformer.safetensors'],
    )
  })
  test('the official library read what we wrote', async () => {
    const file = await SafetensorsFile.open(sample())
    expect(Object.keys(record.read).sort()).toEqual([...file.tensors.keys()].sort())
    expect(record.metadata).toEqual(Object.fromEntries(file.metadata))
    for (const [name, { shape, values }] of Object.entries(record.read)) {
      const tensor = await file.tensor(name)
      expect(tensor.shape).toEqual(shape)
      expect(tensor.toArray()).toEqual(values)
    }
  })
  test('we read what the official library wrote', async () => {
    const file = await SafetensorsFile.open(read(here('written-by-official.safetensors')))
    expect(file.metadata.get('by')).toBe('official')
    expect((await file.tensor('f32')).toArray()).toEqual([0, 0.5, 1, 1.5, 2, 2.5])
    expect((await file.tensor('i64')).data).toEqual(BigInt64Array.from([-1n, 2n ** 60n]))
    expect((await file.tensor('f16')).toArray()).toEqual([0.5, -2])
    expect((await file.tensor('flag')).toArray()).toEqual([1, 0])
  })
  test('what cannot be written is refused', () => {
    const tensor = Tensor.float32([1])
    expect(() =>
      writeSafetensors([
        ['a', tensor],
        ['a', tensor],
      ]),
    ).toThrow(/two tensors are named "a"/)
    expect(() => writeSafetensors([['__metadata__', tensor]])).toThrow(/cannot be named __metadata__/)
    expect(() => writeSafetensors([['\ud800', tensor]])).toThrow(/lone surrogate/)
  })
})
