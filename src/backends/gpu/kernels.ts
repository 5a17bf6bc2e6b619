/**
 * The kernels of one pass on a device. Their results stay there, and go from kernel to kernel as they are; masks, ids and what a hook put in
 * are uploaded when a kernel reads them. What the device's kernels cannot do (more than four axes, int8) is done by the reference ops.
 */
import { InputError, ShapeError } from '../../errors.js'
import { rowMajor } from '../../tensor/ops/float.js'
import * as ops from '../../tensor/ops/index.js'
import type { Activation, Float, Ids, RotaryTable, TopK } from '../../tensor/ops/index.js'
import { broadcastShapes, rowMajorStride, shapesEqual, showShape, sizeOf, type Shape } from '../../tensor/shape.js'
import { Tensor } from '../../tensor/tensor.js'
import type { AttentionInputs, Kernels, PackedMatrix } from '../backend.js'
import { MASKED } from '../reference/attention.js'
import { referenceKernels } from '../reference/reference.js'
import { Arena } from './arena.js'
import type { Argument, Device } from './device.js'
import { DeviceArray } from './device-array.js'
import * as elementwise from './kernels/elementwise.js'
import * as products from './kernels/product.js'
import * as rowwise from './kernels/rows.js'
import type { KernelSource } from './kernels/source.js'
import { GpuMatrix, type WeightPart } from './packed.js'

export class GpuKernels implements Kernels {
  readonly #device: Device
  readonly #arena: Arena

  constructor(device: Device, arena: Arena) {
    this.#device = device
    this.#arena = arena
  }

  async scope(x: Float, part: (x: Float, kernels: Kernels) => Promise<Float>): Promise<Float> {
    const inner = new Arena(this.#arena.kept)
    let result: Float | undefined
    try {
      result = await part(x, new GpuKernels(this.#device, inner))
    } finally {
      inner.end(arrayOf(result), this.#arena)
    }
    const before = arrayOf(x)
    if (before && before !== arrayOf(result)) this.#arena.free(before)
    return result
  }

  async fetch(x: Float): Promise<void> {
    await arrayOf(x)?.fetch()
  }

  async linear(x: Float, packed: PackedMatrix, activation?: Activation): Promise<Float> {
    const weight = own(packed)
    const { rows: n, columns: k, parts } = weight
    if (x.shape.at(-1) !== k || (parts.length === 0 && !weight.reference)) {
      throw new ShapeError('linear', `input ${showShape(x.shape)} does not fit weight ${showShape([n, k])} ([out, in])`)
    }
    if (parts.length === 0 || x.size === 0) {
      await this.fetch(x)
      return referenceKernels.linear(x, weight.reference!, activation)
    }
    const rows = x.size / k
    return this.#settled(
      this.#scratch((inner) => {
        const input = inner.#device.hasQuads ? inner.#packed(inner.#atMost4(x)) : inner.#rowMajor(x)
        let joined = inner.#linearPart(input, parts[0], { rows, k, activation })
        let width = parts[0].rows
        for (const part of parts.slice(1)) {
          const right = inner.#linearPart(input, part, { rows, k, activation })
          const args = [joined.there, right.there, width, part.rows]
          width += part.rows
          joined = inner.#launch(products.join, { rows, columns: width }, args)
        }
        return tensorOf(joined, [...x.shape.slice(0, -1), n])
      }),
    )
  }

  async matmul(a: Float, b: Float): Promise<Float> {
    const [m, k] = a.shape.slice(-2)
    const [inner, n] = b.shape.slice(-2)
    const batch = a.rank < 2 || b.rank < 2 ? [] : broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
    if (a.rank < 2 || b.rank < 2 || k !== inner || a.size === 0 || b.size === 0 || batch.length > 2) {
      await Promise.all([this.fetch(a), this.fetch(b)])
      return ops.matmul(a, b) // says what is wrong
    }
    const product = this.#scratch((inner) =>
      inner.#matmul(a.broadcastTo([...batch, m, k]), b.broadcastTo([...batch, k, n])),
    )
    return this.#settled(product)
  }

  async attention({ query, key, value, scale, positionBias, mask, causal }: AttentionInputs): Promise<Float> {
    const [batch, heads, queries, headDim] = query.shape
    const [, keyHeads, keys] = key.shape
    const scores = [batch, heads, queries, keys]
    const context = this.#scratch((inner) => {
      let [q, k, v] = [query, key, value]
      if (heads !== keyHeads) {
        // Neighbouring heads share a key: they become an axis along which it is repeated.
        const group = [batch * keyHeads, heads / keyHeads, queries]
        q = inner.contiguous(q).reshape([...group, headDim])
        ;[k, v] = [k, v].map((x) =>
          inner.contiguous(x).reshape([group[0], 1, keys, headDim]).broadcastTo([group[0], group[1], keys, headDim]),
        )
      }
      const raw = inner.#matmul(q, k.transpose(0, 1, 3, 2)).reshape(scores)
      const masked = inner.#launch(elementwise.maskScores, { rows: batch * heads * queries, columns: keys }, [
        ...inner.#viewArguments(raw, scores),
        ...inner.#viewArguments(positionBias, scores),
        ...inner.#viewArguments(mask, scores),
        ...[heads, queries, scale, causal ? keys - queries + 1 : keys, MASKED],
      ])
      const probs = inner.softmax(tensorOf(masked, scores)).reshape([...q.shape.slice(0, 3), keys])
      const attended = inner.#matmul(probs, v).reshape([batch, heads, queries, headDim])
      // Laid out as [batch, query, heads, headDim], so that the heads lie side by side for the layer that joins them.
      return inner.contiguous(attended.transpose(0, 2, 1, 3))
    })
    return (await this.#settled(context)).transpose(0, 2, 1, 3)
  }

  gather(packed: PackedMatrix, ids: Ids): Float {
    const table = own(packed)
    if (table.reference) return referenceKernels.gather(table.reference, ids)
    const numbers = ids.toArray()
    const wrong = numbers.find((id) => id < 0 || id >= table.rows)
    if (wrong !== undefined) {
      throw new InputError('id-outside-vocabulary', `gather: id ${wrong} is outside the table of ${table.rows} rows`)
    }
    const [{ weight }] = table.parts
    return this.#scratch((inner) => {
      const rows = inner.#upload(Float32Array.from(numbers))
      const [source, last] = inner.#device.hasQuads
        ? [products.gatherQuads, Math.ceil(table.columns / 4)]
        : [products.gather, table.rows]
      const size = { rows: numbers.length, columns: table.columns }
      return tensorOf(inner.#launch(source, size, [weight.there, rows.there, last]), [...ids.shape, table.columns])
    })
  }

  contiguous(x: Float): Float {
    return x.isContiguous ? x : this.#copied(x)
  }

  add(a: Float, b: Float): Float {
    return this.#combine('add', a, b)
  }

  multiply(a: Float, b: Float): Float {
    return this.#combine('multiply', a, b)
  }

  scale(x: Float, factor: number): Float {
    return this.#elementwise(elementwise.scale, x, [factor], () => ops.scale(x, factor))
  }

  activate(x: Float, activation: Activation): Float {
    return this.#elementwise(elementwise.activate(activation), x, [], () => ops.activate(x, activation))
  }

  softmax(x: Float): Float {
    return this.#normalised(rowwise.softmax, x)
  }

  logSoftmax(x: Float): Float {
    return this.#normalised(rowwise.logSoftmax, x)
  }

  layerNorm(x: Float, weight: Float, bias: Float, epsilon: number): Float {
    const width = widthOf('layerNorm', x, weight)
    const rows = x.size / width
    return this.#scratch((inner) => {
      const source = inner.#rowMajor(x)
      const ofRows = { rows: 1, columns: rows }
      const mean = inner.#launch(rowwise.rowMean, ofRows, [source.there, width])
      const inverse = inner.#launch(rowwise.rowInverseDeviation, ofRows, [source.there, width, mean.there, epsilon])
      const [gain, shift] = [inner.#rowMajor(weight), inner.#rowMajor(bias)]
      const args = [source.there, mean.there, inverse.there, gain.there, shift.there, width]
      return tensorOf(inner.#launch(rowwise.layerNorm, { rows, columns: width }, args), x.shape)
    })
  }

  rmsNorm(x: Float, weight: Float, epsilon: number): Float {
    const width = widthOf('rmsNorm', x, weight)
    const rows = x.size / width
    return this.#scratch((inner) => {
      const source = inner.#rowMajor(x)
      const inverse = inner.#launch(rowwise.rowInverseRms, { rows: 1, columns: rows }, [source.there, width, epsilon])
      const args = [source.there, inverse.there, inner.#rowMajor(weight).there, width]
      return tensorOf(inner.#launch(rowwise.rmsNorm, { rows, columns: width }, args), x.shape)
    })
  }

  rotate(x: Float, table: RotaryTable): Float {
    const [batch, heads, seq, headDim] = x.shape
    const half = headDim / 2
    const [items, positions, pairs] = table.cos.shape
    if (x.rank !== 4 || positions !== seq || pairs !== half || (items !== 1 && items !== batch))
      return ops.rotate(x, table) // says what is wrong
    return this.#scratch((inner) => {
      const args = [
        ...[...inner.#viewArguments(x, x.shape), heads, seq],
        ...[inner.#rowMajor(table.cos).there, inner.#rowMajor(table.sin).there, half, items === 1 ? 0 : seq * half],
      ]
      return tensorOf(inner.#launch(elementwise.rotate, { rows: batch * heads * seq, columns: headDim }, args), x.shape)
    })
  }

  topK(x: Float, k: number): TopK {
    return ops.topK(rowMajor(x), k)
  }

  copyInto(target: Float, source: Float): void {
    const array = arrayOf(target)
    const shape = array?.shape
    if (!array || !shape || !this.#device.isRemote || !shapesEqual(target.shape, source.shape)) {
      return ops.copyInto(target, source)
    }
    const from = boxStart(target, shape)
    if (!from) return ops.copyInto(target, source)
    this.#scratch((inner) => {
      const [, d1, d2, width] = shape
      const args = [
        ...[array.there, width, ...inner.#viewArguments(source, source.shape), d1, d2],
        ...from.flatMap((start, axis) => [start, source.shape[axis]]),
      ]
      const size = { rows: array.length / width, columns: width }
      array.replace(inner.#device.launch(elementwise.place, size, args))
      return target
    })
  }

  /** Runs a kernel; its result is of this scope. */
  #launch(source: KernelSource, size: { rows: number; columns: number }, args: readonly Argument[]): DeviceArray {
    const there = this.#device.launch(source, size, args)
    return this.#arena.add(new DeviceArray(this.#device, size.rows * size.columns, { there }))
  }

  #upload(numbers: Float32Array): DeviceArray {
    return this.#arena.add(new DeviceArray(this.#device, numbers.length, { here: numbers }))
  }

  /** Runs a part whose intermediate arrays are freed at its end. */
  #scratch(part: (inner: GpuKernels) => Float): Float {
    const inner = new Arena(this.#arena.kept)
    let result: Float | undefined
    try {
      return (result = part(new GpuKernels(this.#device, inner)))
    } finally {
      inner.end(arrayOf(result), this.#arena)
    }
  }

  /** The tensor once it is there, or what went wrong on the way. */
  async #settled(x: Float): Promise<Float> {
    await arrayOf(x)?.there
    return x
  }

  #linearPart(
    input: DeviceArray,
    { weight, bias, rows: n }: WeightPart,
    { rows, k, activation }: { rows: number; k: number; activation: Activation | undefined },
  ): DeviceArray {
    const added = [bias?.there ?? this.#device.zero, bias ? 1 : 0]
    const size = { rows, columns: n }
    if (!this.#device.hasQuads) {
      return this.#launch(products.linear(activation), size, [input.there, weight.there, ...added, k, n])
    }
    const quads = Math.ceil(n / 4)
    const args = [input.there, weight.there, Math.ceil(k / 4), rows, n]
    const product = this.#launch(products.product, { rows, columns: quads }, args)
    return this.#launch(products.finish(activation), size, [product.there, quads, ...added])
  }

  /** [b, b, m, k] x [b, b, k, n] -> [b, b, m, n], with fewer axes in front or none. */
  #matmul(a: Float, b: Float): Float {
    const [b0, b1, m, k] = fourAxes(a.shape)
    const n = b.shape.at(-1)!
    const size = { rows: b0 * b1 * m, columns: n }
    const shape = [...a.shape.slice(0, -1), n]
    if (!this.#device.hasQuads) {
      const args = [...this.#viewArguments(a, a.shape), ...this.#viewArguments(b, b.shape), b1, m, k]
      return tensorOf(this.#launch(products.matmul, size, args), shape)
    }
    const axes = b.shape.map((_, axis) => axis)
    const columns = this.#packed(b.transpose(...axes.slice(0, -2), axes.length - 1, axes.length - 2))
    const rows = this.#packed(a)
    const quads = Math.ceil(n / 4)
    const product = this.#launch(products.product, { rows: size.rows, columns: quads }, [
      ...[rows.there, columns.there, Math.ceil(k / 4), m, n],
    ])
    return tensorOf(this.#launch(products.finish(undefined), size, [product.there, quads, this.#device.zero, 0]), shape)
  }

  /** The last axis in quads. */
  #packed(x: Float): DeviceArray {
    const [d0, d1, d2, k] = fourAxes(x.shape)
    const args = [...this.#viewArguments(x, x.shape), d1, d2, k]
    return this.#launch(products.pack, { rows: d0 * d1 * d2, columns: Math.ceil(k / 4) }, args)
  }

  #normalised(source: KernelSource, x: Float): Float {
    const width = x.shape.at(-1) ?? 1
    if (x.size === 0) return x
    const rows = x.size / width
    return this.#scratch((inner) => {
      const from = inner.#rowMajor(x)
      const max = inner.#launch(rowwise.rowMax, { rows: 1, columns: rows }, [from.there, width])
      const sum = inner.#launch(rowwise.rowExpSum, { rows: 1, columns: rows }, [from.there, width, max.there])
      const args = [from.there, max.there, sum.there, width]
      return tensorOf(inner.#launch(source, { rows, columns: width }, args), x.shape)
    })
  }

  #elementwise(source: KernelSource, x: Float, more: readonly number[], reference: () => Float): Float {
    if (x.size === 0) return reference()
    return this.#scratch((inner) => {
      const view = inner.#atMost4(x)
      const [d0, d1, d2, d3] = fourAxes(view.shape)
      const args = [...inner.#viewArguments(view, view.shape), d1, d2, ...more]
      return tensorOf(inner.#launch(source, { rows: d0 * d1 * d2, columns: d3 }, args), x.shape)
    })
  }

  #combine(name: 'add' | 'multiply', a: Float, b: Float): Float {
    const shape = broadcastShapes(name, a.shape, b.shape)
    if (shape.length > 4 || sizeOf(shape) === 0) return ops[name](a, b)
    const [d0, d1, d2, d3] = fourAxes(shape)
    return this.#scratch((inner) => {
      const args = [...inner.#viewArguments(a, shape), ...inner.#viewArguments(b, shape), d1, d2]
      return tensorOf(inner.#launch(elementwise[name], { rows: d0 * d1 * d2, columns: d3 }, args), shape)
    })
  }

  /** Array, start and strides of a view as kernels take them; where there is none, of zeros. */
  #viewArguments(x: Float | undefined, shape: Shape): Argument[] {
    if (!x) return [this.#device.zero, 0, 0, 0, 0, 0]
    const { storage, stride, offset } = x.broadcastTo(shape)
    const strides = [...new Array<number>(4 - shape.length).fill(0), ...stride]
    if (storage instanceof DeviceArray) return [storage.there, offset, ...strides]
    const { low, high } = reachOf(x)
    const uploaded = this.#upload((storage as Float32Array).slice(low, high + 1))
    return [uploaded.there, offset - low, ...strides]
  }

  /** The elements from the array's beginning on, in row-major order. */
  #rowMajor(x: Float): DeviceArray {
    const array = arrayOf(x)
    if (array && x.isContiguous && x.offset === 0) return array
    if (!array) return this.#upload(rowMajor(x).slice())
    return arrayOf(this.#copied(x))!
  }

  #copied(x: Float): Float {
    const view = this.#atMost4(x)
    const [d0, d1, d2, d3] = fourAxes(view.shape)
    const args = [...this.#viewArguments(view, view.shape), d1, d2]
    return tensorOf(this.#launch(elementwise.copy, { rows: d0 * d1 * d2, columns: d3 }, args), x.shape)
  }

  /** The same elements in at most four axes. */
  #atMost4(x: Float): Float {
    return x.rank <= 4 ? x : x.reshape([-1, x.shape.at(-1)!])
  }
}

function own(packed: PackedMatrix): GpuMatrix {
  if (packed instanceof GpuMatrix) return packed
  throw new TypeError('the matrix was packed by another backend')
}

/** The device's array behind a tensor, if there is one. */
export function arrayOf(x: Float | undefined): DeviceArray | undefined {
  return x?.storage instanceof DeviceArray ? x.storage : undefined
}

function tensorOf(array: DeviceArray, shape: Shape): Float {
  return new Tensor({ dtype: 'float32', data: array, shape })
}

/** The shape with axes of size 1 in front. */
function fourAxes(shape: Shape): number[] {
  return [...new Array<number>(4 - shape.length).fill(1), ...shape]
}

/** First and last position in the data that a view reads. */
function reachOf({ shape, stride, offset }: Float): { low: number; high: number } {
  let [low, high] = [offset, offset]
  shape.forEach((size, axis) => {
    const reach = (size - 1) * stride[axis]
    if (reach > 0) high += reach
    else low += reach
  })
  return { low, high }
}

/** Where in an array of four axes a view begins that is a box of it; undefined for other views. */
function boxStart({ shape, stride, offset }: Float, whole: Shape): number[] | undefined {
  const steps = rowMajorStride(whole)
  if (whole.length !== 4 || shape.length !== 4 || steps.some((step, axis) => step !== stride[axis])) return undefined
  let rest = offset
  return steps.map((step) => {
    const start = Math.floor(rest / step)
    rest -= start * step
    return start
  })
}

function widthOf(operation: string, x: Float, weight: Float): number {
  const width = x.shape.at(-1)
  if (weight.rank === 1 && weight.size === width) return width
  throw new ShapeError(operation, `input ${showShape(x.shape)} does not fit weight ${showShape(weight.shape)}`)
}
