import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openFolder } from '../../src/files/folder.js'
import { GgufFile, GgufFolder } from '../../src/gguf/index.js'
import { goldenPath, goldenTensors } from '../support/goldens.js'

const bytesOf = (file: string) => new Uint8Array(readFileSync(goldenPath('gguf', file)))

describe('formats.gguf, which the Python package gguf has written', () => {
  test('has metadata of every type', async () => {
    const { metadata } = await GgufFile.open(bytesOf('formats.gguf'))
    const values = [...metadata].filter(([key]) => key.startsWith('test.'))
    expect(Object.fromEntries(values)).toEqual({
      'test.uint8': 255,
      'test.int8': -128,
      'test.uint16': 65535,
      'test.int16': -32768,
      'test.uint32': 4294967295,
      'test.int32': -2147483648,
      'test.float32': Math.fround(0.1),
      'test.bool': true,
      'test.string': 'text ☃',
      'test.uint64': 2 ** 53 - 1,
      'test.int64': -(2n ** 60n),
      'test.float64': 0.1,
      'test.list.texts': ['one', '', 'é☃😀'],
      'test.list.integers': Int32Array.of(1, -2, 3),
      'test.list.floats': Float32Array.of(0.5, -1.5),
      'test.list.booleans': Uint8Array.of(1, 0),
    })
  })

  test.each(['memory', 'disk'])('has tensors of every number format, bit for bit, from %s', async (from) => {
    const source =
      from === 'memory' ? bytesOf('formats.gguf') : await openFolder(goldenPath('gguf')).open('formats.gguf')
    const file = await GgufFile.open(source!)
    const golden = await goldenTensors('gguf', 'formats.safetensors')
    const names = [...file.tensors.keys()]
    expect(names).toHaveLength(19)
    for (const name of names) {
      const wanted = golden.float(name)
      const got = (await file.tensor(name)).to('float32').copy()
      expect(got.shape, name).toEqual(wanted.shape)
      expect(new Uint32Array(got.data.buffer), name).toEqual(new Uint32Array(wanted.copy().data.buffer))
    }
    await file.close()
  })

  test('is read as version 2 as well, whose layout is the same', async () => {
    const file = await GgufFile.open(bytesOf('formats.gguf').with(4, 2))
    expect(file.version).toBe(2)
    expect(file.tensors.size).toBe(19)
  })
})

test('a file in big-endian byte order is refused', async () => {
  await expect(GgufFile.open(bytesOf('big-endian.gguf'))).rejects.toMatchObject({ code: 'gguf-version' })
})

describe('a split model', () => {
  const part = (n: number) => `split-0000${n}-of-00003.gguf`
  const parts = () => new Map([1, 2, 3].map((n) => [part(n), bytesOf(part(n))]))

  test('has the tensors of all its files', async () => {
    const files = await new GgufFolder(openFolder(parts()), part(1)).parts()
    const values = await Promise.all(files.map(async (file, i) => (await file.tensor(`tensor.${i}`)).toArray()))
    expect(values).toEqual([0, 1, 2].map((i) => new Array<number>(8).fill(i)))
  })

  test.each([
    ['is not opened by its second file', part(2), parts(), 'gguf-split'],
    ['needs all its files', part(1), new Map([...parts()].slice(0, 2)), 'file-not-found'],
    ['needs the names that say so', 'model.gguf', new Map([['model.gguf', bytesOf(part(1))]]), 'gguf-split'],
    ['needs its own files', part(1), parts().set(part(3), bytesOf(part(2))), 'gguf-split'],
  ])('%s', async (_, file, files, code) => {
    await expect(new GgufFolder(openFolder(files), file).parts()).rejects.toMatchObject({ code })
  })
})

test('the folder of a file is closed after each use', async () => {
  let open = 0
  const parent = openFolder(goldenPath('gguf'))
  const counting = {
    name: parent.name,
    open: async (file: string) => {
      const source = (await parent.open(file))!
      open++
      return { ...source, close: async () => (open--, source.close()) }
    },
  }
  const folder = new GgufFolder(counting, 'llama-untied.gguf')
  await (await folder.open('config.json'))!.close()
  await (await folder.checkpoint()).close()
  await expect(new GgufFolder(counting, 'big-endian.gguf').checkpoint()).rejects.toThrow()
  await expect(new GgufFolder(counting, 'formats.gguf').checkpoint()).rejects.toThrow()
  expect(open).toBe(0)
})
