import ndarray from 'ndarray'
import { describe, expect, test } from 'vitest'
import { fromNdarray, toNdarray } from '../../src/tensor/ndarray.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** [[0, 1, 2], [3, 4, 5]] */
const grid = () => Tensor.float32([0, 1, 2, 3, 4, 5], [2, 3])

describe('views share the data', () => {
  test.each([
    ['transpose', grid().transpose(), [3, 2], [0, 3, 1, 4, 2, 5]],
    ['slice of columns', grid().slice(1, 1), [2, 2], [1, 2, 4, 5]],
    ['slice from the end', grid().slice(1, -2, -1), [2, 1], [1, 4]],
    ['select a row', grid().select(0, -1), [3], [3, 4, 5]],
    ['reshape with an inferred size', grid().reshape([3, -1]), [3, 2], [0, 1, 2, 3, 4, 5]],
    ['broadcast', grid().slice(0, 0, 1).broadcastTo([2, 2, 3]), [2, 2, 3], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]],
    ['transpose of a slice', grid().slice(1, 1).transpose(), [2, 2], [1, 4, 2, 5]],
  ])('%s', (_name, view, shape, values) => {
    expect(view.shape).toEqual(shape)
    expect(view.toArray()).toEqual(values)
    expect([...view.copy().data]).toEqual(values)
  })

  test('a change through a view is seen in the original', () => {
    const original = grid()
    const view = original.transpose().select(0, 2)
    expect(view.data).toBe(original.data)
    view.data[view.offset] = 9
    expect(original.toArray()).toEqual([0, 1, 9, 3, 4, 5])
  })

  test('contiguous copies a view and leaves a row-major tensor alone', () => {
    const original = grid()
    expect(original.contiguous()).toBe(original)
    const turned = original.transpose().contiguous()
    expect(turned.data).not.toBe(original.data)
    expect([...turned.data]).toEqual([0, 3, 1, 4, 2, 5])
  })

  test('a transposed tensor is reshaped by way of a copy', () => {
    expect(grid().transpose().reshape([6]).toArray()).toEqual([0, 3, 1, 4, 2, 5])
  })

  test('scalars and empty tensors', () => {
    expect(Tensor.float32([7], []).toArray()).toEqual([7])
    expect(Tensor.zeros('float32', [2, 0, 3]).toArray()).toEqual([])
    expect(Tensor.zeros('int64', [0]).transpose().copy().shape).toEqual([0])
    expect(Tensor.zeros('float32', [0, 3]).transpose().copy().shape).toEqual([3, 0])
  })
})

describe('what does not fit is refused', () => {
  test.each([
    ['reshape: [2, 3] has 6 elements, [4, 2] has 8', () => grid().reshape([4, 2])],
    ['reshape: [2, 3] does not fit [4, -1]', () => grid().reshape([4, -1])],
    ['transpose: axes [0, 0] are not a permutation of the axes of [2, 3]', () => grid().transpose(0, 0)],
    ['slice: 1:4 of axis 1 is outside [2, 3]', () => grid().slice(1, 1, 4)],
    ['select: index 2 of axis 0 is outside [2, 3]', () => grid().select(0, 2)],
    ['broadcastTo: [2, 3] does not broadcast to [2, 4]', () => grid().broadcastTo([2, 4])],
    ['Tensor: 3 values do not fill [2, 2], which holds 4', () => Tensor.float32([1, 2, 3], [2, 2])],
    [
      'Tensor: [4] needs elements 0 to 9, the data has 6',
      () => new Tensor({ dtype: 'float32', data: new Float32Array(6), shape: [4], stride: [3] }),
    ],
    [
      'Tensor: [2] needs elements -1 to 0',
      () => new Tensor({ dtype: 'float32', data: new Float32Array(6), shape: [2], stride: [-1] }),
    ],
    [
      'Tensor: [-1] has a size that is not a whole number of 0 or more',
      () => new Tensor({ dtype: 'float32', data: new Float32Array(6), shape: [-1] }),
    ],
  ])('%s', (message, run) => {
    expect(run).toThrow(message)
  })
})

describe('dtypes', () => {
  test.each(['float32', 'float16', 'bfloat16', 'float64', 'int64', 'int32', 'int16', 'int8'] as const)(
    '%s keeps small whole numbers',
    (dtype) => {
      expect(Tensor.float32([0, 1, -2, 100], [2, 2]).to(dtype).to('float32').toArray()).toEqual([0, 1, -2, 100])
    },
  )
  test('bool is 0 or 1', () => {
    expect(Tensor.float32([0, 0.5, -3]).to('bool').toArray()).toEqual([0, 1, 1])
  })
  test.each([
    // IEEE 754: a half has 10 bits after the point, so 2049 lies between 2048 and 2050 and goes to the even one
    ['float16', 2049, 2048],
    ['float16', 2051, 2052],
    ['float16', 65504, 65504],
    ['float16', 65520, Infinity],
    ['float16', 2 ** -24, 2 ** -24],
    ['float16', 2 ** -26, 0],
    ['float16', 0.1, 0.0999755859375],
    ['bfloat16', 257, 256],
    ['bfloat16', 259, 260],
    ['bfloat16', 0.1, 0.10009765625],
  ] as const)('%s rounds %d to %d', (dtype, value, rounded) => {
    expect(Tensor.float32([value]).to(dtype).toArray()).toEqual([rounded])
  })
  test('every float16 and bfloat16 pattern survives the way to float32 and back', () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const all = new Tensor({ dtype, data: Uint16Array.from({ length: 65536 }, (_, bits) => bits), shape: [65536] })
      const back = all.to('float32').to(dtype)
      const changed = all.data.findIndex(
        (bits, i) => back.data[i] !== bits && !Number.isNaN(all.select(0, i).toArray()[0]),
      )
      expect(changed).toBe(-1)
    }
  })
})

describe('ndarray', () => {
  test('a view goes there and back without a copy', () => {
    const view = grid().slice(1, 1).transpose()
    const array = toNdarray(view)
    expect(array.get(1, 0)).toBe(2)
    array.set(0, 1, 40)
    expect(view.toArray()).toEqual([1, 40, 2, 5])
    const back = fromNdarray(array)
    expect(back.data).toBe(view.data)
    expect(back.dtype).toBe('float32')
    expect(back.toArray()).toEqual(view.toArray())
  })
  test('an ndarray that was sliced and stepped elsewhere keeps its order', () => {
    const array = ndarray(Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]), [2, 4]).step(1, -2)
    expect(fromNdarray(array).toArray()).toEqual([3, 1, 7, 5])
  })
  test('64-bit integers', () => {
    const tensor = new Tensor({ dtype: 'int64', data: BigInt64Array.from([2n ** 60n, -1n]), shape: [2] })
    expect(fromNdarray(toNdarray(tensor)).data[0]).toBe(2n ** 60n)
  })
  test('a plain array is refused', () => {
    expect(() => fromNdarray(ndarray([1, 2, 3]))).toThrow(/fromNdarray: got a array tensor/)
  })
})
