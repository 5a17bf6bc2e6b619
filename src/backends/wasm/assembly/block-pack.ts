/**
 * From the blocks of a file to panels (block-formats.ts), and single rows of a panel to float32.
 */
import {
  blockPanelBytes,
  extraBits,
  hasMinimum,
  headerBytes,
  inPairs,
  IQ4_NL,
  isSuper,
  lowBits,
  offsetOf,
  panelBlockBytes,
  Q2_K,
  Q3_K,
  Q4_0,
  Q4_1,
  Q4_K,
  Q5_0,
  Q5_1,
  Q5_K,
  Q6_K,
  Q8_0,
  scaleBytes,
} from './block-formats'
import { halfBits, halfScale, moveFloat16Low } from './simd'
import { PANEL } from './pack'

/** Bytes that a block has in the file. */
function fileBytes(f: i32): i32 {
  switch (f) {
    case Q4_1:
      return 20
    case Q5_0:
      return 22
    case Q5_1:
      return 24
    case Q8_0:
      return 34
    case Q2_K:
      return 84
    case Q3_K:
      return 110
    case Q4_K:
      return 144
    case Q5_K:
      return 176
    case Q6_K:
      return 210
    default:
      return 18 // q4_0, iq4_nl
  }
}

const BITS = memory.data<u8>([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128])

/** 16 bits in the two bytes at `at` as 16 bytes of 0 or `bit`. */
@inline
function spread(at: usize, bit: i8): v128 {
  const bytes = i8x16.shuffle(v128.load16_splat(at), v128.load16_splat(at), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
  const bits = v128.load(BITS)
  return v128.and(i8x16.eq(v128.and(bytes, bits), bits), i8x16.splat(bit))
}

@inline
function nibble(at: usize, high: bool): v128 {
  const bytes = v128.load(at)
  return v128.and(high ? i16x8.shr_u(bytes, 4) : bytes, i8x16.splat(15))
}

@inline
function shifted(at: usize, shift: i32, mask: i8): v128 {
  return v128.and(i16x8.shr_u(v128.load(at), shift), i8x16.splat(mask))
}

/** Writes the integers of columns 32 n to 32 n + 31 of a block of the file, as stored there (without their offset), as 32 bytes. */
function readIntegers(f: i32, block: usize, n: i32, out: usize): void {
  switch (f) {
    case Q8_0:
      memory.copy(out, block + 2, 32)
      return
    case Q4_0:
    case IQ4_NL:
    case Q4_1: {
      const low = block + (f == Q4_1 ? 4 : 2)
      v128.store(out, nibble(low, false))
      v128.store(out, nibble(low, true), 16)
      return
    }
    case Q5_0:
    case Q5_1: {
      const fifth = block + (f == Q5_1 ? 4 : 2)
      v128.store(out, v128.or(nibble(fifth + 4, false), spread(fifth, 16)))
      v128.store(out, v128.or(nibble(fifth + 4, true), spread(fifth + 2, 16)), 16)
      return
    }
    default:
  }
  for (let i = 0; i < 32; i += 16) {
    let value: v128
    if (f == Q4_K || f == Q5_K) {
      value = nibble(block + (f == Q4_K ? 16 : 48) + ((n >> 1) << 5) + i, (n & 1) == 1)
      if (f == Q5_K) value = v128.or(value, i8x16.shl(shifted(block + 16 + i, n, 1), 4))
    } else if (f == Q6_K) {
      value = nibble(block + ((n >> 2) << 6) + ((n & 1) << 5) + i, (n & 2) != 0)
      value = v128.or(value, i8x16.shl(shifted(block + 128 + ((n >> 2) << 5) + i, 2 * (n & 3), 3), 4))
    } else {
      const low = block + (f == Q2_K ? 16 : 32) + ((n >> 2) << 5) + i
      value = shifted(low, 2 * (n & 3), 3)
      if (f == Q3_K) value = v128.or(value, i8x16.shl(shifted(block + i, n, 1), 2))
    }
    v128.store(out + i, value)
  }
}

/** Scale of sub-block `sub` of q3_k: -32…31. */
function q3kScale(packed: usize, sub: i32): i32 {
  const low = (<i32>load<u8>(packed + (sub & 7)) >> ((sub >> 3) << 2)) & 15
  const high = (<i32>load<u8>(packed + 8 + (sub & 3)) >> ((sub >> 2) << 1)) & 3
  return low + (high << 4) - 32
}

/** Writes what a row has in the scales of a panel block: those of columns 32 n to 32 n + 31 of a block of the file. */
function readScales(f: i32, block: usize, n: i32, out: usize, row: i32): void {
  switch (f) {
    case Q2_K:
      store<u8>(out + row, load<u8>(block + 2 * n))
      store<u8>(out + 8 + row, load<u8>(block + 2 * n + 1))
      return
    case Q3_K:
      store<i8>(out + row, <i8>q3kScale(block + 96, 2 * n))
      store<i8>(out + 8 + row, <i8>q3kScale(block + 96, 2 * n + 1))
      return
    case Q6_K:
      store<u8>(out + row, load<u8>(block + 192 + 2 * n))
      store<u8>(out + 8 + row, load<u8>(block + 192 + 2 * n + 1))
      return
    case Q4_K:
    case Q5_K: {
      const first = <i32>load<u8>(block + 4 + (n & 3))
      const second = <i32>load<u8>(block + 8 + (n & 3))
      const low = <i32>load<u8>(block + 8 + n)
      store<u8>(out + row, <u8>(n < 4 ? first & 63 : (low & 15) | ((first >> 6) << 4)))
      store<u8>(out + 8 + row, <u8>(n < 4 ? second & 63 : (low >> 4) | ((second >> 6) << 4)))
      return
    }
    default:
      store<u16>(out + 2 * row, load<u16>(block))
      if (f == Q4_1 || f == Q5_1) store<u16>(out + 16 + 2 * row, load<u16>(block, 2))
  }
}

/** Writes what a row has in the header: d, and dmin. */
function readHeader(f: i32, block: usize, out: usize, row: i32): void {
  const at = block + (f == Q2_K ? 80 : f == Q3_K ? 108 : f == Q6_K ? 208 : 0)
  store<u16>(out + 2 * row, load<u16>(at))
  if (hasMinimum(f)) store<u16>(out + 16 + 2 * row, load<u16>(at, 2))
}

/** Blocks [rows, columns] of the file -> panels. `scratch` holds 512 bytes. */
export function packBlocks(panels: usize, source: usize, rows: i32, columns: i32, f: i32, scratch: usize): void {
  const group = isSuper(f) ? 8 : 1 // panel blocks for each block of the file
  const rowBytes = <usize>((columns / (group << 5)) * fileBytes(f))
  memory.fill(panels, 0, blockPanelBytes(f, columns) * ((rows + PANEL - 1) / PANEL))
  for (let first = 0; first < rows; first += PANEL) {
    const present = min(PANEL, rows - first)
    memory.fill(scratch, 0, 256)
    for (let j = 0; j < columns >> 5; j++) {
      const n = j % group
      const block = source + <usize>(j / group) * <usize>fileBytes(f)
      if (isSuper(f) && n == 0) {
        for (let r = 0; r < present; r++) readHeader(f, block + <usize>r * rowBytes, panels, r)
        panels += headerBytes(f)
      }
      for (let r = 0; r < present; r++) {
        readScales(f, block + <usize>r * rowBytes, n, panels, r)
        readIntegers(f, block + <usize>r * rowBytes, n, scratch + (r << 5))
      }
      writePlanes(f, scratch, scratch + 256, panels + scaleBytes(f))
      panels += panelBlockBytes(f)
    }
    source += <usize>PANEL * rowBytes
  }
}

/** Integers [8 rows][32] of one byte each -> the planes of a panel block, by way of `vectors`, 256 bytes. */
function writePlanes(f: i32, bytes: usize, vectors: usize, planes: usize): void {
  for (let half = 0; half < 2; half++) {
    turn(f, bytes + 16 * half, vectors + 128 * half)
  }
  if (lowBits(f) == 8) {
    memory.copy(planes, vectors, 256)
    return
  }
  const extra = planes + 32 * lowBits(f)
  for (let v = 0; v < 16; v++) {
    const value = v128.load(vectors + (v << 4))
    const low = v128.and(value, i8x16.splat(maskOf(lowBits(f))))
    put(planes, lowBits(f), v >> 1, v & 1, low)
    if (extraBits(f)) put(extra, extraBits(f), v >> 1, v & 1, v128.and(i16x8.shr_u(value, lowBits(f)), i8x16.splat(maskOf(extraBits(f)))))
  }
}

@inline
function maskOf(bits: i32): i8 {
  const mask: i32 = (1 << bits) - 1
  return mask as i8
}

/** Which vector of a plane holds low or high of group g. */
function vectorOf(bits: i32, g: i32, high: i32): i32 {
  return bits == 4 ? g : bits == 2 ? 2 * (g >> 2) + high : g >> 2
}

/** By how much it is shifted there. */
function shiftOf(bits: i32, g: i32, high: i32): i32 {
  return bits == 4 ? 4 * high : bits == 2 ? 2 * (g & 3) : 4 * high + (g & 3)
}

/** Adds low or high of group g to a plane of so many bits. */
function put(plane: usize, bits: i32, g: i32, high: i32, value: v128): void {
  const at = plane + (vectorOf(bits, g, high) << 4)
  v128.store(at, v128.or(v128.load(at), i16x8.shl(value, shiftOf(bits, g, high))))
}

/** 16 columns of 8 rows, 32 bytes apart -> low and high vectors of four groups. */
function turn(f: i32, bytes: usize, out: usize): void {
  for (let half = 0; half < 2; half++) {
    const source = bytes + 128 * half
    const r0 = v128.load(source)
    const r1 = v128.load(source, 32)
    const r2 = v128.load(source, 64)
    const r3 = v128.load(source, 96)
    const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
    const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
    const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
    const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
    const target = out + 16 * half
    v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2))
    v128.store(target, v128.shuffle<i64>(low01, low23, 1, 3), 32)
    v128.store(target, v128.shuffle<i64>(high01, high23, 0, 2), 64)
    v128.store(target, v128.shuffle<i64>(high01, high23, 1, 3), 96)
  }
  if (!inPairs(f)) return
  for (let g = 0; g < 4; g++, out += 32) {
    const first = v128.load(out)
    const last = v128.load(out, 16)
    v128.store(out, v128.shuffle<i16>(first, last, 0, 2, 4, 6, 8, 10, 12, 14))
    v128.store(out, v128.shuffle<i16>(first, last, 1, 3, 5, 7, 9, 11, 13, 15), 16)
  }
}

/** One float16 as float32. */
@inline
function float16(at: usize): f32 {
  return f32x4.extract_lane(f32x4.mul(moveFloat16Low(v128.load16_splat(at), halfBits()), halfScale()), 0)
}

/** What a plane holds for byte `lane` of low or high of group g. */
function take(plane: usize, bits: i32, g: i32, high: i32, lane: i32): i32 {
  const byte = <i32>load<u8>(plane + (vectorOf(bits, g, high) << 4) + lane)
  return (byte >> shiftOf(bits, g, high)) & ((1 << bits) - 1)
}

/** out[i] = row ids[i] of the panels as float32, for `count` ids. */
export function gatherBlocks(out: usize, panels: usize, ids: usize, count: i32, columns: i32, f: i32): void {
  const panelBytes = blockPanelBytes(f, columns)
  for (let i = 0; i < count; i++, out += (<usize>columns) << 2) {
    const id = load<i32>(ids + ((<usize>i) << 2))
    widenRow(f, panels + <usize>(id >> 3) * panelBytes, id & 7, columns, out)
  }
}

function widenRow(f: i32, panel: usize, row: i32, columns: i32, out: usize): void {
  let d: f32 = 0
  let dmin: f32 = 0
  for (let k = 0; k < columns; k += 32, panel += panelBlockBytes(f)) {
    if (isSuper(f) && (k & 255) == 0) {
      d = float16(panel + 2 * row)
      if (hasMinimum(f)) dmin = float16(panel + 16 + 2 * row)
      panel += headerBytes(f)
    }
    const planes = panel + scaleBytes(f)
    for (let i = 0; i < 32; i++, out += 4) {
      const value = <f32>(integerAt(f, planes, row, i) - offsetOf(f))
      const byte = panel + row + (f == Q4_K || f == Q5_K ? 0 : 8 * (i >> 4))
      let scale: f32
      let minimum: f32 = 0
      if (f == Q2_K) {
        scale = d * <f32>(load<u8>(byte) & 15)
        minimum = dmin * <f32>(load<u8>(byte) >> 4)
      } else if (f == Q3_K || f == Q6_K) scale = d * <f32>load<i8>(byte)
      else if (isSuper(f)) {
        scale = d * <f32>load<u8>(byte)
        minimum = dmin * <f32>load<u8>(byte, 8)
      } else {
        scale = float16(panel + 2 * row)
        if (hasMinimum(f)) minimum = -float16(panel + 16 + 2 * row)
      }
      store<f32>(out, hasMinimum(f) ? scale * value - minimum : scale * value)
    }
  }
}

const IQ4_NL_VALUES = memory.data<i8>([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])

function integerAt(f: i32, planes: usize, row: i32, k: i32): i32 {
  const high = inPairs(f) ? (k >> 1) & 1 : row >> 2
  const lane = inPairs(f) ? 2 * row + (k & 1) : 4 * (row & 3) + (k & 3)
  const g = k >> 2
  if (f == Q8_0) return load<i8>(planes + (g << 5) + (high << 4) + lane)
  const low = take(planes, lowBits(f), g, high, lane)
  if (f == IQ4_NL) return load<i8>(IQ4_NL_VALUES + low)
  return extraBits(f) ? low + (take(planes + 32 * lowBits(f), extraBits(f), g, high, lane) << lowBits(f)) : low
}
