/**
 * Weight matrices in the order that the kernels read; see assembly/pack.ts, assembly/int8.ts and assembly/block-formats.ts.
 */
import { InputError, ShapeError } from '../../errors.js'
import { BLOCK_FORMATS } from '../../tensor/blocks/index.js'
import { asQuantized, bytesOfWeight, isBlockMatrix, type QuantizedMatrix } from '../../tensor/ops/index.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { showShape } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { PackedMatrix, PackOptions } from '../backend.js'
import type { KernelExports } from './exports.js'
import type { KernelMemory } from './memory.js'

/** Numbers of the dtypes that panels may have; assembly/dtypes.ts has the same. */
const DTYPES = { float32: 0, float16: 1, bfloat16: 2 } as const
type PanelDType = keyof typeof DTYPES

export const PANEL = 8

/** A matrix in the kernels' memory. */
export class WasmMatrix implements PackedMatrix {
  readonly rows: number
  readonly columns: number
  readonly byteLength: number
  /** `rows` is row-major; the others are in panels of eight rows. */
  readonly layout: 'rows' | 'panels' | 'int8' | 'blocks'
  /** Number of the dtype of rows and panels, or of the block format. */
  readonly dtype: number
  /** Address of the block; the parts follow one another. */
  readonly address: number
  /** int8: addresses of the rows' scales and of their sums. */
  readonly scales: number = 0
  readonly sums: number = 0
  /** Address of the bias, padded to whole panels; 0 without one. */
  readonly bias: number = 0

  constructor(memory: KernelMemory, exports: KernelExports, weight: Tensor, options: PackOptions) {
    const { bias, use, dtype } = options
    if (weight.rank !== 2) throw new ShapeError('pack', `weight ${showShape(weight.shape)} is not [rows, columns]`)
    if (dtype === 'int8' && use !== 'linear') throw new InputError('bad-option', `pack: int8 is for linear, not ${use}`)
    const [rows, columns] = weight.shape
    this.rows = rows
    this.columns = columns
    const { layout, number, elements, scales } = sourceOf(weight, options)
    this.layout = layout
    this.dtype = number

    const panelRows = Math.ceil(rows / PANEL) * PANEL
    const width = this.#rowBytes(exports, elements)
    const matrixBytes = align((layout === 'rows' ? rows : panelRows) * width)
    const vectorBytes = align(panelRows * 4)
    const vectors = (layout === 'int8' ? 2 : 0) + (bias ? 1 : 0)
    this.byteLength = matrixBytes + vectors * vectorBytes
    this.address = memory.heap.allocate(this.byteLength)

    let at = this.address + matrixBytes
    const vector = (values: Float32Array): number => {
      const start = at
      memory.float32.fill(0, start / 4, start / 4 + panelRows)
      memory.float32.set(values, start / 4)
      at += vectorBytes
      return start
    }
    if (bias) this.bias = vector(rowMajor(bias.to('float32')))
    if (scales) {
      this.scales = vector(scales)
      this.sums = at
    }
    if (layout === 'rows') memory.bytes.set(bytesOf(elements), this.address)
    else {
      inSlices(memory, elements, rows, (slice, first, count, scratch) => {
        const target = this.address + first * width
        if (layout === 'int8') exports.packInt8(target, this.sums + first * 4, slice, count, columns)
        else if (layout === 'blocks') exports.packBlocks(target, slice, count, columns, number, scratch)
        else exports.packPanels(target, slice, count, columns, elements.BYTES_PER_ELEMENT)
      })
    }
  }

  /** Bytes that a row takes here. */
  #rowBytes(exports: KernelExports, { BYTES_PER_ELEMENT }: Elements): number {
    switch (this.layout) {
      case 'blocks':
        return exports.blockPanelBytes(this.dtype, this.columns) / PANEL
      case 'int8':
        return Math.ceil(this.columns / 4) * 4
      default:
        return this.columns * BYTES_PER_ELEMENT
    }
  }
}

type Elements = Int8Array | Uint8Array | Uint16Array | Float32Array

/** What is packed: elements row by row, the number of their format, and int8 rows' scales. */
interface Source {
  readonly layout: WasmMatrix['layout']
  readonly number: number
  readonly elements: Elements
  readonly scales?: Float32Array
}

function sourceOf(weight: Tensor, { use, dtype, rowScales }: PackOptions): Source {
  if (dtype === 'int8') {
    const { values, scales } = asQuantized(weight, rowScales)
    return { layout: 'int8', number: 0, elements: values, scales }
  }
  if (isBlockMatrix(weight)) {
    return { layout: 'blocks', number: BLOCK_FORMATS[weight.dtype].ggufType, elements: bytesOfWeight(weight) }
  }
  const { data, offset, size, dtype: own } = readable(weight)
  const layout = use === 'gather' ? 'rows' : 'panels'
  return { layout, number: DTYPES[own], elements: data.subarray(offset, offset + size) }
}

/** Some rows of an int8 matrix, taken out of their panels (assembly/int8.ts). @throws TypeError for a matrix that is not int8 */
export function unpackRows(
  { int32, float32 }: KernelMemory,
  { layout, columns, address, scales }: WasmMatrix,
  first: number,
  end: number,
): QuantizedMatrix {
  if (layout !== 'int8') throw new TypeError('unpack: the matrix is not of int8')
  const groups = Math.ceil(columns / 4)
  const values = new Int8Array((end - first) * columns)
  const padded = new Int32Array(groups)
  const row = new Int8Array(padded.buffer, 0, columns)
  for (let index = first; index < end; index++) {
    const start = address / 4 + Math.floor(index / PANEL) * groups * PANEL + (index % PANEL)
    for (let group = 0; group < groups; group++) padded[group] = int32[start + group * PANEL]
    values.set(row, (index - first) * columns)
  }
  return { values, scales: float32.slice(scales / 4 + first, scales / 4 + end) }
}

/** The weight row-major in a dtype that the kernels read: its own, or float32. */
function readable(weight: Tensor): Tensor<PanelDType> {
  const source = weight.contiguous()
  const fits = source.dtype in DTYPES && !(source.dtype === 'float16' && hasNonFinite(source as Tensor<'float16'>))
  return fits ? (source as unknown as Tensor<PanelDType>) : source.to('float32')
}

/** Whether a float16 tensor holds an infinity or NaN, which the kernels' widening does not keep (assembly/simd.ts). */
function hasNonFinite({ data, offset, size }: Tensor<'float16'>): boolean {
  for (let i = offset; i < offset + size; i++) if ((data[i] & 0x7c00) === 0x7c00) return true
  return false
}

/** Lends the kernels a copy of some rows at a time, whole panels of them, so that no matrix is ever there twice; and scratch memory. */
function inSlices(
  memory: KernelMemory,
  elements: Elements,
  rows: number,
  pack: (slice: number, first: number, count: number, scratch: number) => void,
): void {
  const perRow = elements.length / rows
  const rowBytes = perRow * elements.BYTES_PER_ELEMENT
  const together = Math.max(1, Math.floor(SLICE_BYTES / (rowBytes * PANEL))) * PANEL
  const scratch = memory.heap.allocate(PACK_SCRATCH + Math.min(together, rows) * rowBytes)
  const slice = scratch + PACK_SCRATCH
  for (let first = 0; first < rows; first += together) {
    const count = Math.min(together, rows - first)
    memory.bytes.set(bytesOf(elements.subarray(first * perRow, (first + count) * perRow)), slice)
    pack(slice, first, count, scratch)
  }
  memory.heap.free(scratch)
}

/** Bytes that packBlocks works in. */
const PACK_SCRATCH = 512
const SLICE_BYTES = 512 * 1024

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64
}
