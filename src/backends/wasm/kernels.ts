/**
 * The kernels of one pass on the wasm memory. Inputs that lie elsewhere (masks, token ids, what a hook put in) are copied in;
 * what the compiled kernels cannot do (odd broadcasts) is done by the reference ops, whose results are ordinary arrays.
 */
import { InputError, ShapeError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import * as ops from '../../tensor/ops/index.js'
import { rowMajor } from '../../tensor/ops/float.js'
import type { Activation, Float, Ids, RotaryTable, TopK } from '../../tensor/ops/index.js'
import { broadcastShapes, rowMajorStride, shapesEqual, showShape, sizeOf, type Shape } from '../../tensor/shape.js'
import type { AttentionInputs, Kernels, PackedMatrix } from '../backend.js'
import type { Arena } from './arena.js'
import type { KernelExports, SharedKernelName } from './exports.js'
import type { KernelMemory } from './memory.js'
import { PANEL, WasmMatrix } from './packed.js'
import type { Job, ThreadPool } from './pool.js'

/** Numbers of the activations; assembly/activations.ts has the same. */
const ACTIVATIONS: Readonly<Record<Activation, number>> = {
  relu: 1,
  gelu: 2,
  gelu_tanh: 3,
  silu: 4,
  tanh: 5,
  sigmoid: 6,
}

const TILE_ROWS = 6
const TILE_BYTES = TILE_ROWS * PANEL * 4
/** Multiply-adds under which a job is over before another thread wakes. */
const WORTH_THREADS = 150_000
/** Multiply-adds that a thread does without a stop, some 15 ms: after them the event loop turns, and a signal is heeded. */
const SLICE_WORK = 2 ** 27
/** What a signal cancels. */
const WHAT = 'the forward pass'

/** What all passes of a backend share. */
export interface Engine {
  readonly memory: KernelMemory
  readonly exports: KernelExports
  readonly pool: ThreadPool
}

/** A place in the wasm memory, with the strides of the view that is there. */
interface Place {
  readonly address: number
  readonly stride: readonly number[]
}

export class WasmKernels implements Kernels {
  readonly #memory: KernelMemory
  readonly #exports: KernelExports
  readonly #pool: ThreadPool
  readonly #arena: Arena
  readonly #signal: AbortSignal | undefined

  constructor({ memory, exports, pool }: Engine, arena: Arena, signal?: AbortSignal) {
    this.#memory = memory
    this.#exports = exports
    this.#pool = pool
    this.#arena = arena
    this.#signal = signal
  }

  async scope(x: Float, part: (x: Float, kernels: Kernels) => Promise<Float>): Promise<Float> {
    const start = this.#memory.addressOf(x)
    const mark = start === undefined ? this.#arena.mark() : this.#arena.markBelow(start, x.size * 4)
    const result = this.contiguous(await part(x, this))
    const from = this.#memory.addressOf(result)
    const moves = from !== undefined && this.#arena.isAbove(from, mark)
    this.#arena.release(mark)
    if (!moves) return result
    const { tensor, address } = this.#output(result.shape)
    this.#memory.bytes.copyWithin(address, from, from + result.size * 4)
    return tensor
  }

  /** The wasm memory is read as it is. */
  async fetch(): Promise<void> {}

  async linear(x: Float, packed: PackedMatrix, activation?: Activation): Promise<Float> {
    const weight = own(packed)
    const { rows: n, columns: k } = weight
    if (weight.layout === 'rows' || x.shape.at(-1) !== k) {
      throw new ShapeError('linear', `input ${showShape(x.shape)} does not fit weight ${showShape([n, k])} ([out, in])`)
    }
    const rows = x.size / k
    const { tensor, address: out } = this.#output([...x.shape.slice(0, -1), n])
    const act = activation === undefined ? 0 : ACTIVATIONS[activation]
    const panels = Math.ceil(n / PANEL)
    const mark = this.#arena.mark()
    const source = this.#rowMajor(x)
    if (weight.layout === 'int8') {
      const width = Math.ceil(k / 4) * 4
      const quantized = this.#arena.allocate(rows * width)
      const scales = this.#arena.allocate(rows * 4)
      const zeros = this.#arena.allocate(rows * 4)
      this.#exports.quantizeInput(quantized, scales, zeros, source, rows, k, width)
      const fields = [
        quantized,
        scales,
        zeros,
        weight.address,
        weight.scales,
        weight.sums,
        weight.bias,
        out,
        rows,
        width / 4,
        n,
        act,
      ]
      await this.#run('linearInt8', fields, { units: panels, scratch: TILE_BYTES, work: (rows * n * k) / 4 })
    } else if (weight.layout === 'blocks') {
      const format = weight.dtype
      const pairs = this.#exports.blockInputInPairs(format)
      const sub = this.#exports.blockInputSub(format)
      const quantized = this.#arena.allocate(rows * k * (pairs ? 2 : 1))
      const scales = this.#arena.allocate((rows * k) / 8)
      const sums = this.#arena.allocate((rows * k * 4) / sub)
      this.#exports.quantizeBlockInput(
        quantized,
        scales,
        sums,
        source,
        rows,
        k,
        sub,
        pairs,
        this.#exports.blockTileRows(format, rows),
      )
      const fields = [quantized, scales, sums, weight.address, weight.bias, out, rows, k, n, format, act]
      const scratch = this.#exports.blockScratch(format, k)
      await this.#run('linearBlocks', fields, { units: panels, scratch, work: (rows * n * k) / 4 })
    } else {
      const fields = [source, weight.address, weight.bias, out, rows, k, n, weight.dtype, act]
      const scratch = TILE_BYTES + (weight.dtype === 0 ? 0 : k * PANEL * 4)
      await this.#run('linear', fields, {
        units: panels,
        unitsTogether: rows === 1 ? 4 : 1,
        scratch,
        work: rows * n * k,
      })
    }
    this.#arena.release(mark)
    return tensor
  }

  async matmul(a: Float, b: Float): Promise<Float> {
    const [m, k] = a.shape.slice(-2)
    const [inner, n] = b.shape.slice(-2)
    if (a.rank < 2 || b.rank < 2 || k !== inner || a.size === 0 || b.size === 0) return ops.matmul(a, b) // says what is wrong
    const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
    const items = sizeOf(batch)
    const { tensor, address: out } = this.#output([...batch, m, n])
    const mark = this.#arena.mark()
    const left = this.#place(a.stride.at(-1) === 1 ? a : this.contiguous(a))
    const right = this.#place(b)
    const starts = this.#arena.allocate(items * 8)
    const leftStarts = batchStarts(batch, a.shape, left.stride)
    const rightStarts = batchStarts(batch, b.shape, right.stride)
    for (let item = 0; item < items; item++) {
      this.#memory.int32[starts / 4 + 2 * item] = leftStarts[item]
      this.#memory.int32[starts / 4 + 2 * item + 1] = rightStarts[item]
    }
    const [down, across] = right.stride.slice(-2)
    const row = left.stride.at(-2)!
    const scratch = TILE_BYTES + Math.ceil(n / PANEL) * PANEL * k * 4
    const rows = rowsOfSlice(m, n * k)
    // One item at a time where its rows are in several slices, since the kernel knows where the result of an item begins by the rows of one.
    const together = rows === m ? items : 1
    for (let item = 0; item < items; item += together) {
      for (let first = 0; first < m; first += rows) {
        if (rows < m) await checkpoint(this.#signal, WHAT)
        const count = Math.min(rows, m - first)
        const fields = [left.address + first * row * 4, right.address, out + (item * m + first) * n * 4]
        fields.push(starts + item * 8, count, k, n, row, down, across)
        const begin = this.#arena.mark()
        await this.#run('matmul', fields, { units: together, scratch, work: together * count * n * k })
        this.#arena.release(begin)
      }
    }
    this.#arena.release(mark)
    return tensor
  }

  async attention({ query, key, value, scale, positionBias, mask, causal }: AttentionInputs): Promise<Float> {
    const [batch, heads, queries, headDim] = query.shape
    const [, keyHeads, keys] = key.shape
    // Written as [batch, query, heads, headDim], so that the heads lie side by side for the layer that joins them.
    const { tensor, address: out } = this.#output([batch, queries, heads, headDim])
    const begin = this.#arena.mark()
    const [q, k, v] = [query, key, value].map((x) => this.#place(x.stride[3] === 1 ? x : this.contiguous(x)))
    const full = [batch, heads, queries, keys]
    const [bias, masked] = [positionBias, mask].map((x) => x && this.#place(x.broadcastTo(full)))
    const row = heads * headDim
    // Which future a query sees is known from the last one's, so of causal queries each slice looks at the keys up to its own last. With a mask it
    // has to look at all.
    const rows = causal && mask ? queries : rowsOfSlice(queries, 2 * keys * headDim)
    const scratch = this.#exports.attentionScratch(rows, keys, headDim)
    for (let first = 0; first < queries; first += rows) {
      if (rows < queries) await checkpoint(this.#signal, WHAT)
      const count = Math.min(rows, queries - first)
      const seen = causal ? keys - queries + first + count : keys
      const fields = [
        ...[q.address + first * q.stride[2] * 4, k.address, v.address],
        ...[
          bias ? bias.address + first * bias.stride[2] * 4 : 0,
          masked ? masked.address + first * masked.stride[2] * 4 : 0,
        ],
        out + first * row * 4,
        ...[heads, heads / keyHeads, count, seen, headDim, causal ? 1 : 0],
        new Float32Array([scale]),
        ...[...q.stride.slice(0, 3), ...k.stride.slice(0, 3), ...v.stride.slice(0, 3)],
        ...(bias?.stride ?? [0, 0, 0, 0]),
        ...(masked?.stride ?? [0, 0, 0, 0]),
        ...[queries * row, headDim, row],
      ]
      const work = 2 * batch * heads * count * seen * headDim
      const mark = this.#arena.mark()
      await this.#run('attention', fields, { units: batch * heads, scratch, work })
      this.#arena.release(mark)
    }
    this.#arena.release(begin)
    return tensor.transpose(0, 2, 1, 3)
  }

  gather(packed: PackedMatrix, ids: Ids): Float {
    const table = own(packed)
    if (table.layout === 'int8') throw new ShapeError('gather', 'an int8 matrix cannot be looked up')
    const rows = ids.toArray()
    const wrong = rows.find((id) => id < 0 || id >= table.rows)
    if (wrong !== undefined) {
      throw new InputError('id-outside-vocabulary', `gather: id ${wrong} is outside the table of ${table.rows} rows`)
    }
    const { tensor, address: out } = this.#output([...ids.shape, table.columns])
    const mark = this.#arena.mark()
    const at = this.#arena.allocate(rows.length * 4)
    this.#memory.int32.set(rows, at / 4)
    const { gatherRows, gatherPanels, gatherBlocks } = this.#exports
    const kernel = { rows: gatherRows, panels: gatherPanels, blocks: gatherBlocks }[table.layout]
    kernel(out, table.address, at, rows.length, table.columns, table.dtype)
    this.#arena.release(mark)
    return tensor
  }

  contiguous(x: Float): Float {
    if (x.isContiguous) return x
    if (x.rank > 4) return x.contiguous()
    const source = this.#place(x)
    const { tensor, address } = this.#output(x.shape)
    this.#copy(x.shape, source, { address, stride: tensor.stride })
    return tensor
  }

  add(a: Float, b: Float): Float {
    return this.#combine(a, b, this.#exports.add, ops.add)
  }

  multiply(a: Float, b: Float): Float {
    return this.#combine(a, b, this.#exports.multiply, ops.multiply)
  }

  scale(x: Float, factor: number): Float {
    return this.#rowwise(x, (out, at) => this.#exports.scale(out, at, x.size, factor))
  }

  activate(x: Float, activation: Activation): Float {
    return this.#rowwise(x, (out, at) => this.#exports.activate(out, at, x.size, ACTIVATIONS[activation]))
  }

  softmax(x: Float): Float {
    const width = x.shape.at(-1) ?? 1
    return this.#rowwise(x, (out, at) => this.#exports.softmax(out, at, x.size / width, width))
  }

  logSoftmax(x: Float): Float {
    const width = x.shape.at(-1) ?? 1
    return this.#rowwise(x, (out, at) => this.#exports.logSoftmax(out, at, x.size / width, width))
  }

  layerNorm(x: Float, weight: Float, bias: Float, epsilon: number): Float {
    const width = widthOf('layerNorm', x, weight)
    return this.#rowwise(x, (out, at) =>
      this.#exports.layerNorm(out, at, this.#rowMajor(weight), this.#rowMajor(bias), x.size / width, width, epsilon),
    )
  }

  rmsNorm(x: Float, weight: Float, epsilon: number): Float {
    const width = widthOf('rmsNorm', x, weight)
    return this.#rowwise(x, (out, at) =>
      this.#exports.rmsNorm(out, at, this.#rowMajor(weight), x.size / width, width, epsilon),
    )
  }

  rotate(x: Float, table: RotaryTable): Float {
    const [batch, heads, seq, headDim] = x.shape
    const half = headDim / 2
    const [items, positions, pairs] = table.cos.shape
    if (x.rank !== 4 || positions !== seq || pairs !== half || (items !== 1 && items !== batch))
      return ops.rotate(x, table) // says what is wrong
    const { tensor, address: out } = this.#output(x.shape)
    const mark = this.#arena.mark()
    const { address, stride } = this.#place(x.stride[3] === 1 ? x : this.contiguous(x))
    const [cos, sin] = [this.#rowMajor(table.cos), this.#rowMajor(table.sin)]
    const tableStep = items === 1 ? 0 : seq * half
    this.#exports.rotate(out, address, cos, sin, batch, heads, seq, half, stride[0], stride[1], stride[2], tableStep)
    this.#arena.release(mark)
    return tensor
  }

  topK(x: Float, k: number): TopK {
    if (!Number.isInteger(k) || k < 1 || k > x.size) return ops.topK(rowMajor(x), k) // a short row, or says what is wrong
    const mark = this.#arena.mark()
    const values = this.#arena.allocate(k * 4)
    const indices = this.#arena.allocate(k * 4)
    this.#exports.topK(values, indices, this.#rowMajor(x), x.size, k)
    this.#arena.release(mark)
    const { float32, int32 } = this.#memory
    return {
      values: float32.slice(values / 4, values / 4 + k),
      indices: int32.slice(indices / 4, indices / 4 + k),
    }
  }

  copyInto(target: Float, source: Float): void {
    const address = this.#memory.addressOf(target)
    if (address === undefined || target.rank > 4 || !shapesEqual(target.shape, source.shape)) {
      return ops.copyInto(target, source)
    }
    const mark = this.#arena.mark()
    const { address: from, stride } = this.#place(source)
    this.#copy(target.shape, { address: from, stride }, { address, stride: target.stride })
    this.#arena.release(mark)
  }

  /** A fresh tensor on the arena. */
  #output(shape: Shape): { tensor: Float; address: number } {
    const address = this.#arena.allocate(sizeOf(shape) * 4)
    return { tensor: this.#memory.tensorAt(address, shape), address }
  }

  /** A kernel that makes a tensor of the shape of x out of its rows. */
  #rowwise(x: Float, kernel: (out: number, x: number) => void): Float {
    const { tensor, address } = this.#output(x.shape)
    const mark = this.#arena.mark()
    kernel(address, this.#rowMajor(x))
    this.#arena.release(mark)
    return tensor
  }

  /** Equal shapes, or b as the last axes of a; else by the reference op. */
  #combine(
    a: Float,
    b: Float,
    kernel: (out: number, a: number, b: number, count: number, period: number) => void,
    reference: (a: Float, b: Float) => Float,
  ): Float {
    const lead = a.rank - b.rank
    const repeats = lead >= 0 && b.size > 0 && b.shape.every((size, axis) => size === a.shape[axis + lead])
    if (!repeats) return reference(a, b)
    return this.#rowwise(a, (out, at) => kernel(out, at, this.#rowMajor(b), a.size, b.size))
  }

  /** Address of the elements in row-major order, copied onto the arena where they are not. */
  #rowMajor(x: Float): number {
    return this.#place(this.contiguous(x)).address
  }

  /** Where a view lies, copied onto the arena where it is not in the wasm memory. */
  #place(x: Float): Place {
    const address = this.#memory.addressOf(x)
    if (address !== undefined) return { address, stride: x.stride }
    // Only the elements between the view's first and last are copied; its strides stay.
    let [low, high] = [x.offset, x.offset]
    x.shape.forEach((size, axis) => {
      const reach = (size - 1) * x.stride[axis]
      if (reach > 0) high += reach
      else low += reach
    })
    const copy = this.#arena.allocate((high + 1 - low) * 4)
    this.#memory.float32.set(x.data.subarray(low, high + 1), copy / 4)
    return { address: copy + (x.offset - low) * 4, stride: x.stride }
  }

  #copy(shape: Shape, from: Place, to: Place): void {
    const four = (values: readonly number[], fill: number) => [
      ...new Array<number>(4 - values.length).fill(fill),
      ...values,
    ]
    const mark = this.#arena.mark()
    const at = this.#arena.allocate(48)
    this.#memory.int32.set([...four(shape, 1), ...four(to.stride, 0), ...four(from.stride, 0)], at / 4)
    this.#exports.copyStrided(to.address, from.address, at, at + 16, at + 32)
    this.#arena.release(mark)
  }

  /** Writes a job's description and runs it on as many threads as it is worth. */
  #run(
    kernel: SharedKernelName,
    fields: readonly (number | Float32Array)[],
    {
      units,
      unitsTogether = 1,
      scratch,
      work,
    }: { units: number; unitsTogether?: number; scratch: number; work: number },
  ): Promise<void> | undefined {
    const argument = this.#arena.allocate(fields.length * 4)
    fields.forEach((field, i) => {
      if (typeof field === 'number') this.#memory.int32[argument / 4 + i] = field
      else this.#memory.float32[argument / 4 + i] = field[0]
    })
    const scratchStride = Math.ceil(scratch / 64) * 64
    const job = {
      kernel,
      argument,
      first: 0,
      end: units,
      unitsTogether,
      scratch: this.#arena.allocate(scratchStride * this.#pool.slots),
      scratchStride,
    }
    const slices = Math.ceil(work / (SLICE_WORK * this.#pool.threads))
    return slices > 1 ? this.#runInSlices(job, slices) : this.#pool.run(job, work < WORTH_THREADS)
  }

  /** Runs a long job some units at a time. @throws AbortedError */
  async #runInSlices(job: Job, slices: number): Promise<void> {
    const { end, unitsTogether } = job
    const units = Math.ceil(end / unitsTogether / slices) * unitsTogether
    for (let first = 0; first < end; first += units) {
      await checkpoint(this.#signal, WHAT)
      await this.#pool.run({ ...job, first, end: Math.min(first + units, end) }, false)
    }
  }
}

function own(packed: PackedMatrix): WasmMatrix {
  if (packed instanceof WasmMatrix) return packed
  throw new TypeError('the matrix was packed by another backend')
}

function widthOf(operation: string, x: Float, weight: Float): number {
  const width = x.shape.at(-1)
  if (weight.rank === 1 && weight.size === width) return width
  throw new ShapeError(operation, `input ${showShape(x.shape)} does not fit weight ${showShape(weight.shape)}`)
}

/** Rows that are computed without a stop, whole tiles of them; `work` is that of one row. All where they are a slice's work at most. */
function rowsOfSlice(rows: number, work: number): number {
  if (rows * work <= SLICE_WORK) return rows
  return Math.max(1, Math.floor(SLICE_WORK / work / TILE_ROWS)) * TILE_ROWS
}

/** Element at which each matrix of a broadcast batch begins. */
function batchStarts(batch: Shape, shape: Shape, stride: readonly number[]): number[] {
  const lead = batch.length + 2 - shape.length
  const counts = rowMajorStride(batch)
  return Array.from({ length: sizeOf(batch) }, (_, item) =>
    batch.reduce((start, size, axis) => {
      const index = Math.floor(item / counts[axis]) % size
      return axis < lead || shape[axis - lead] === 1 ? start : start + index * stride[axis - lead]
    }, 0),
  )
}
