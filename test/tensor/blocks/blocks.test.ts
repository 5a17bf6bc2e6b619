import { beforeAll, describe, expect, test } from 'vitest'
import { BLOCK_FORMATS, bytesOfBlocks, isBlockType, widen, type BlockType } from '../../../src/tensor/blocks/index.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { goldenJson, goldenTensors, type GoldenTensors } from '../../support/goldens.js'

const TYPES = Object.keys(BLOCK_FORMATS) as BlockType[]
let golden: GoldenTensors
beforeAll(async () => {
  golden = await goldenTensors('gguf-blocks/blocks.safetensors')
})

/** The blocks of a format, and the bit patterns of the float32 values that gguf gives them. */
function recorded(type: BlockType): { blocks: Uint8Array; bits: Uint32Array } {
  return { blocks: golden.bytes(`${type}.blocks`), bits: bitsOf(golden.float(`${type}.values`).copy().data) }
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

test('numbers and sizes are those of the Python package gguf', () => {
  expect(BLOCK_FORMATS).toEqual(goldenJson('gguf-blocks/formats.json'))
})

describe.each(TYPES)('%s', (type) => {
  const { values, bytes } = BLOCK_FORMATS[type]

  test('random blocks have the values that gguf gives them, bit by bit', () => {
    const { blocks, bits } = recorded(type)
    const out = new Float32Array(bits.length)
    widen(type, blocks, out)
    expect(bitsOf(out)).toEqual(bits)
  })

  test('a tensor of blocks is seen through the shape of its values', () => {
    const { blocks, bits } = recorded(type)
    const tensor = new Tensor({ dtype: type, data: blocks, shape: [3, 2 * values] })
    expect(bitsOf(tensor.to('float32').data)).toEqual(bits)
    const row = tensor.slice(0, 1, 2)
    expect(bitsOf(row.to('float32').data)).toEqual(bits.slice(2 * values, 4 * values))
    expect(row.copy().data).toEqual(blocks.slice(2 * bytes, 4 * bytes))
    const turned = tensor.transpose().to('float32')
    expect(turned.shape).toEqual([2 * values, 3])
    expect(bitsOf(turned.transpose().copy().data)).toEqual(bits)
    expect(() => tensor.transpose().copy()).toThrow(`Tensor.copy: got a view of ${type} tensor`)
  })

  test('sizes that do not fit are refused', () => {
    const { blocks } = recorded(type)
    expect(() => widen(type, blocks.subarray(1), new Float32Array(6 * values))).toThrow('widen: ')
    expect(() => widen(type, blocks, new Float32Array(5 * values))).toThrow('widen: ')
    expect(() => new Tensor({ dtype: type, data: blocks, shape: [7, values] })).toThrow('needs elements')
    expect(bytesOfBlocks(type, [3, 2 * values])).toBe(6 * bytes)
    expect(() => bytesOfBlocks(type, [3, values + 1])).toThrow(`are not whole blocks of ${values} values`)
  })
})

test('other dtypes are no block formats', () => {
  expect(isBlockType('float32')).toBe(false)
  expect(isBlockType('toString')).toBe(false)
  expect(() => Tensor.float32([1]).to('q8_0')).toThrow('quantise() makes blocks')
})
