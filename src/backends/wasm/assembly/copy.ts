/**
 * Copying a strided tensor of four axes: what a key-value cache is written with, and how a view becomes row-major.
 * Reference twin: tensor/ops/copy.ts.
 */

/**
 * Strides count elements. `shape`, `from` and `to` point at four int32 each.
 */
export function copyStrided(target: usize, source: usize, shape: usize, to: usize, from: usize): void {
  const inner = load<i32>(shape, 12)
  const fromStep = load<i32>(from, 12)
  const toStep = load<i32>(to, 12)
  for (let a = 0; a < load<i32>(shape); a++) {
    for (let b = 0; b < load<i32>(shape, 4); b++) {
      for (let c = 0; c < load<i32>(shape, 8); c++) {
        let read = source + ((a * load<i32>(from) + b * load<i32>(from, 4) + c * load<i32>(from, 8)) << 2)
        let write = target + ((a * load<i32>(to) + b * load<i32>(to, 4) + c * load<i32>(to, 8)) << 2)
        if (fromStep == 1 && toStep == 1) {
          memory.copy(write, read, (<usize>inner) << 2)
        } else {
          for (let i = 0; i < inner; i++, read += fromStep << 2, write += toStep << 2) store<f32>(write, load<f32>(read))
        }
      }
    }
  }
}
