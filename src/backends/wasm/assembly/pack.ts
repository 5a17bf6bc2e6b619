/**
 * Packing: a weight [rows, columns] is stored in the order in which the tiles read it, in panels of eight rows (outputs):
 *
 *   weight            panel p: for each column k its eight outputs side by side
 *   rows 8p..8p+7     ┌ w[8p][0] w[8p+1][0] ... w[8p+7][0] │ w[8p][1] ... w[8p+7][1] │ ...
 *
 * The dtype is kept: float16 and bfloat16 panels are widened when they are read. Rows beyond the last are zeros.
 */
import { halfBits, halfScale, moveFloat16High, moveFloat16Low, widenBfloat16High, widenBfloat16Low } from './simd'
import { BFLOAT16, FLOAT32 } from './dtypes'

/** Columns of a panel. */
export const PANEL = 8

/** weight [rows, columns] with elements of `size` bytes (2 or 4) -> panels [ceil(rows / 8)][columns][8]. */
export function packPanels(panels: usize, weight: usize, rows: i32, columns: i32, size: i32): void {
  const rowBytes = <usize>columns * <usize>size
  for (let first = 0; first < rows; first += PANEL, weight += <usize>PANEL * rowBytes, panels += <usize>PANEL * rowBytes) {
    const present = min(PANEL, rows - first)
    if (size == 4 && present == PANEL) packTransposed(panels, weight, columns, rowBytes)
    else if (size == 4) packRows<f32>(panels, weight, present, columns)
    else packRows<u16>(panels, weight, present, columns)
  }
}

function packRows<T>(panel: usize, source: usize, present: i32, columns: i32): void {
  const rowBytes = <usize>columns * sizeof<T>()
  for (let k = 0; k < columns; k++, source += sizeof<T>()) {
    for (let j = 0; j < PANEL; j++, panel += sizeof<T>()) {
      store<T>(panel, j < present ? load<T>(source + <usize>j * rowBytes) : <T>0)
    }
  }
}

/**
 * A strided matrix B [k, n] of float32 -> panels [ceil(n / 8)][k][8]. Steps in bytes: `down` from one k to the next, `across`
 * from one column to the next.
 */
export function packStrided(panels: usize, b: usize, k: i32, n: i32, down: i32, across: i32): void {
  for (let first = 0; first < n; first += PANEL) {
    const present = min(PANEL, n - first)
    let source = b + first * across
    if (present == PANEL && across == 4) {
      for (let i = 0; i < k; i++, source += down, panels += PANEL * 4) {
        v128.store(panels, v128.load(source))
        v128.store(panels, v128.load(source, 16), 16)
      }
    } else if (present == PANEL && down == 4) {
      packTransposed(panels, source, k, across)
      panels += <usize>k * (PANEL * 4)
    } else {
      for (let i = 0; i < k; i++, source += down) {
        for (let j = 0; j < PANEL; j++, panels += 4) store<f32>(panels, j < present ? load<f32>(source + j * across) : 0)
      }
    }
  }
}

/** Eight rows of k neighbours each become a panel: 4 x 4 blocks are turned over in registers. */
function packTransposed(panel: usize, source: usize, k: i32, row: usize): void {
  let i = 0
  for (; i + 4 <= k; i += 4, source += 16, panel += 4 * PANEL * 4) {
    turn(panel, source, row)
    turn(panel + 16, source + 4 * row, row)
  }
  for (; i < k; i++, source += 4, panel += PANEL * 4) {
    for (let j: usize = 0; j < <usize>PANEL; j++) store<f32>(panel + (j << 2), load<f32>(source + j * row))
  }
}

@inline
function turn(panel: usize, source: usize, row: usize): void {
  const r0 = v128.load(source)
  const r1 = v128.load(source + row)
  const r2 = v128.load(source + 2 * row)
  const r3 = v128.load(source + 3 * row)
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(panel, v128.shuffle<f64>(low01, low23, 0, 2))
  v128.store(panel, v128.shuffle<f64>(low01, low23, 1, 3), PANEL * 4)
  v128.store(panel, v128.shuffle<f64>(high01, high23, 0, 2), PANEL * 8)
  v128.store(panel, v128.shuffle<f64>(high01, high23, 1, 3), PANEL * 12)
}

/** One panel of k steps as float32: itself where it is, else widened into `scratch`. */
export function widenPanel(panel: usize, scratch: usize, k: i32, dtype: i32): usize {
  if (dtype == FLOAT32) return panel
  const bits = halfBits()
  const scale = halfScale()
  const end = panel + <usize>k * (PANEL * 2)
  if (dtype == BFLOAT16) {
    for (let out = scratch; panel < end; panel += PANEL * 2, out += PANEL * 4) {
      v128.store(out, widenBfloat16Low(v128.load(panel)))
      v128.store(out, widenBfloat16High(v128.load(panel)), 16)
    }
  } else {
    for (let out = scratch; panel < end; panel += PANEL * 2, out += PANEL * 4) {
      v128.store(out, f32x4.mul(moveFloat16Low(v128.load(panel), bits), scale))
      v128.store(out, f32x4.mul(moveFloat16High(v128.load(panel), bits), scale), 16)
    }
  }
  return scratch
}
