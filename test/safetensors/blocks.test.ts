import { describe, expect, test } from 'vitest'
import { readBlocks, SafetensorsFile, storedBlocks, writeSafetensors } from '../../src/safetensors/index.js'
import { quantise } from '../../src/tensor/blocks/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { randomNumbers, randomTensor } from '../support/random.js'

const open = async (tensors: Iterable<readonly [string, Tensor]>) => SafetensorsFile.open(writeSafetensors(tensors))
const FLOATS = randomTensor(randomNumbers(1), [3, 64])
const BLOCKS = new Tensor({ dtype: 'q4_1', data: quantise('q4_1', FLOATS.data), shape: [3, 64] })

describe('a matrix in blocks', () => {
  test('is stored as its bytes, with the format at the end of its name', () => {
    const [name, stored] = storedBlocks('a.weight', BLOCKS)
    expect(name).toBe('a.weight.q4_1')
    expect(stored.dtype).toBe('uint8')
    expect(stored.shape).toEqual([3, 2, 20])
  })

  test('is read as it was', async () => {
    const source = readBlocks(await open([storedBlocks('a.weight', BLOCKS), ['a.bias', Tensor.float32([1, 2, 3])]]))
    expect([...source.tensors.keys()].sort()).toEqual(['a.bias', 'a.weight'])
    expect(source.tensors.get('a.weight')).toMatchObject({ dtype: 'q4_1', shape: [3, 64] })
    const read = (await source.tensor('a.weight')) as Tensor<'q4_1'>
    expect(read.copy().data).toEqual(BLOCKS.data)
    expect((await source.tensor('a.bias')).toArray()).toEqual([1, 2, 3])
    await expect(source.tensor('a.weight.q4_1')).rejects.toThrow('there is no tensor "a.weight.q4_1" among 2')
    await source.close()
  })
})

test('a checkpoint without such matrices is the one that was given', async () => {
  const plain = await open([
    ['a', Tensor.float32([1])],
    ['b.q8_0', Tensor.float32([1])], // not of bytes
    ['toString', new Tensor({ dtype: 'uint8', data: Uint8Array.of(1), shape: [1] })],
  ])
  expect(readBlocks(plain)).toBe(plain)
})

test.each([
  ['bytes that are no blocks', [3, 2, 21]],
  ['a matrix without its blocks', [3, 40]],
])('%s are refused', async (_, shape) => {
  const data = new Uint8Array(shape.reduce((product, size) => product * size))
  const source = await open([['a.q4_1', new Tensor({ dtype: 'uint8', data, shape })]])
  expect(() => readBlocks(source)).toThrow(`a.q4_1: uint8 [${shape.join(', ')}]; read is [rows, blocks, 20]`)
})

test('two tensors of one name are refused', async () => {
  const source = await open([storedBlocks('a', BLOCKS), ['a', FLOATS]])
  expect(() => readBlocks(source)).toThrow('and no second tensor a')
})

test('blocks are not written as they are', () => {
  expect(() => writeSafetensors([['a', BLOCKS]])).toThrow(
    'a is q4_1, which the format has not; storedBlocks() gives its bytes',
  )
})
