import { describe, expect, test } from 'vitest'
import {
  quantizeMatrix,
  QuantizedTensorError,
  SafetensorsFile,
  widenQuantized,
  writeSafetensors,
} from '../../src/safetensors/index.js'
import { quantizeRows } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'

const int8 = (values: number[], shape: number[]) => new Tensor({ dtype: 'int8', data: Int8Array.from(values), shape })
const open = async (tensors: Record<string, Tensor>) =>
  widenQuantized(await SafetensorsFile.open(writeSafetensors(Object.entries(tensors))))
const MATRIX = int8([127, -64, 0, 1, 2, -127], [2, 3])
const WIDE = [63.5, -32, 0, 2, 4, -254] // rows times 0.5 and 2

describe('a matrix in 8 bits', () => {
  test.each([
    ['float32, a column', Tensor.float32([0.5, 2], [2, 1])],
    ['float32, a vector', Tensor.float32([0.5, 2], [2])],
    ['bfloat16', new Tensor({ dtype: 'bfloat16', data: Uint16Array.of(0x3f00, 0x4000), shape: [2, 1] })],
    ['float16', new Tensor({ dtype: 'float16', data: Uint16Array.of(0x3800, 0x4000), shape: [2, 1] })],
  ])('is read as what it stands for, with scales in %s', async (_name, scales) => {
    const source = await open({ 'a.weight': MATRIX, 'a.weight_scale': scales, 'a.bias': Tensor.float32([1, 2], [2]) })
    expect([...source.tensors.keys()].sort()).toEqual(['a.bias', 'a.weight'])
    expect(source.tensors.get('a.weight')).toMatchObject({ dtype: 'float32', shape: [2, 3] })
    const read = await source.tensor('a.weight')
    expect(read.dtype).toBe('float32')
    expect(read.toArray()).toEqual(WIDE)
    expect((await source.tensor('a.bias')).toArray()).toEqual([1, 2])
    await expect(source.tensor('a.weight_scale')).rejects.toThrow('there is no tensor "a.weight_scale" among 2')
  })

  test('quantised again is the same, integers and scales', () => {
    for (let seed = 1; seed < 200; seed++) {
      let state = seed
      const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5
      const matrix = Tensor.float32(
        Float32Array.from({ length: 64 }, () => random() * 10 ** (seed % 9) * 1e-4),
        [2, 32],
      )
      const { values, scales } = quantizeMatrix(matrix)
      const wide = Float32Array.from(values.data, (value, i) => value * scales.data[Math.floor(i / 32)])
      expect(quantizeRows(Tensor.float32(wide, [2, 32]))).toEqual({ values: values.data, scales: scales.data })
      const half = scales.data.map((scale) => scale / 2)
      wide.forEach((value, i) =>
        expect(Math.abs(value - matrix.data[i])).toBeLessThanOrEqual(half[Math.floor(i / 32)] * 1.0001),
      )
    }
  })

  test('of zeros has a scale of 0', () => {
    const { values, scales } = quantizeMatrix(Tensor.float32([0, 0], [1, 2]))
    expect([...values.data, ...scales.data]).toEqual([0, 0, 0])
  })
})

test('a checkpoint without such matrices is the one that was given', async () => {
  const plain = await SafetensorsFile.open(
    writeSafetensors([
      ['ids', MATRIX],
      ['w', Tensor.float32([1], [1])],
    ]),
  )
  expect(widenQuantized(plain)).toBe(plain)
})

describe('is refused', () => {
  const scales = Tensor.float32([0.5, 2], [2, 1])
  test.each<[string, Record<string, Tensor>, string]>([
    [
      'scales of another number of rows',
      { w: MATRIX, w_scale: Tensor.float32([1, 1, 1], [3, 1]) },
      'w: int8 [2, 3] with scales float32 [3, 1]; read is a matrix with a float scale for each row',
    ],
    [
      'scales for groups of columns',
      { w: MATRIX, w_scale: Tensor.float32([1, 1, 1, 1], [2, 2]) },
      'with scales float32 [2, 2]',
    ],
    ['integer scales', { w: MATRIX, w_scale: int8([1, 1], [2, 1]) }, 'with scales int8 [2, 1]'],
    ['zero points', { w: MATRIX, w_scale: scales, w_zero_point: int8([0, 0], [2, 1]) }, 'without zero points'],
    ['a tensor that is no matrix', { w: int8([1, 2], [2]), w_scale: scales }, 'int8 [2] with scales'],
  ])('%s', async (_name, tensors, message) => {
    const opened = open(tensors)
    await expect(opened).rejects.toBeInstanceOf(QuantizedTensorError)
    await expect(opened).rejects.toThrow(message)
    await expect(opened).rejects.toMatchObject({ code: 'quantized-tensor' })
  })
  test('a scale that is not a number, when its matrix is read', async () => {
    const source = await open({ w: MATRIX, w_scale: Tensor.float32([0.5, NaN], [2, 1]) })
    await expect(source.tensor('w')).rejects.toThrow('w: a scale is not a finite number')
  })
})
