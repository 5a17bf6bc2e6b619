/**
 * What the compiled kernels export; see assembly/index.ts. Addresses and counts are plain numbers.
 */

/** Kernels that threads share: (job, first, end, scratch). */
export type SharedKernel = (job: number, first: number, end: number, scratch: number) => void

export interface KernelExports extends WebAssembly.Exports {
  readonly linear: SharedKernel
  readonly linearInt8: SharedKernel
  readonly linearBlocks: SharedKernel
  readonly matmul: SharedKernel
  readonly attention: SharedKernel

  attentionScratch(queries: number, keys: number, headDim: number): number
  activate(out: number, x: number, count: number, activation: number): void
  add(out: number, a: number, b: number, count: number, period: number): void
  multiply(out: number, a: number, b: number, count: number, period: number): void
  scale(out: number, x: number, count: number, factor: number): void
  softmax(out: number, x: number, rows: number, width: number): void
  logSoftmax(out: number, x: number, rows: number, width: number): void
  layerNorm(out: number, x: number, weight: number, bias: number, rows: number, width: number, epsilon: number): void
  rmsNorm(out: number, x: number, weight: number, rows: number, width: number, epsilon: number): void
  gatherRows(out: number, table: number, ids: number, count: number, width: number, dtype: number): void
  gatherPanels(out: number, panels: number, ids: number, count: number, width: number, dtype: number): void
  copyStrided(target: number, source: number, shape: number, to: number, from: number): void
  rotate(
    out: number,
    x: number,
    cos: number,
    sin: number,
    batch: number,
    heads: number,
    seq: number,
    half: number,
    batchStep: number,
    headStep: number,
    seqStep: number,
    tableStep: number,
  ): void
  packPanels(panels: number, weight: number, rows: number, columns: number, size: number): void
  packInt8(panels: number, sums: number, values: number, rows: number, columns: number): void
  quantizeInput(
    out: number,
    scales: number,
    zeros: number,
    x: number,
    rows: number,
    width: number,
    stride: number,
  ): void
  blockPanelBytes(format: number, columns: number): number
  blockScratch(format: number, columns: number): number
  blockInputInPairs(format: number): number
  blockInputSub(format: number): number
  blockTileRows(format: number, rows: number): number
  packBlocks(panels: number, blocks: number, rows: number, columns: number, format: number, scratch: number): void
  gatherBlocks(out: number, panels: number, ids: number, count: number, columns: number, format: number): void
  quantizeBlockInput(
    out: number,
    scales: number,
    sums: number,
    x: number,
    rows: number,
    width: number,
    sub: number,
    pairs: number,
    together: number,
  ): void
  topK(values: number, indices: number, x: number, width: number, k: number): void
}

/** Kernels that threads share, by number: a job names its kernel by it. */
export const SHARED_KERNELS = ['linear', 'linearInt8', 'linearBlocks', 'matmul', 'attention'] as const
export type SharedKernelName = (typeof SHARED_KERNELS)[number]
