/**
 * A group of rows of the table: one file in groups/ each.
 */
import type { Row } from './compare.js'
import type { BenchOptions } from './options.js'
import type { Peers } from './peers/peers.js'

export interface Series {
  readonly name: string
  /** [x, y] */
  readonly points: readonly (readonly [number, number])[]
}

/** Lines over a quantity, where a single ratio does not show what happens. Both axes are logarithmic. */
export interface LineChart {
  /** File name without ending. */
  readonly name: string
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: readonly Series[]
}

export interface BenchContext {
  readonly options: BenchOptions
  readonly peers: Peers
  /** What is being measured, for the one who waits. */
  readonly progress: (what: string) => void
}

export interface GroupResult {
  readonly rows: readonly Row[]
  readonly charts?: readonly LineChart[]
}

export interface Group {
  readonly name: string
  readonly title: string
  run(context: BenchContext): Promise<GroupResult>
}
