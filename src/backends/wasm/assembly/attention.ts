/**
 * Fused attention: softmax(q k^T * scale + bias + mask) v for one head after the other, without ever storing all scores. Keys come in
 * blocks; of each query three things are kept from block to block (online softmax, Milakov and Gimelshein 2018,
 * https://arxiv.org/abs/1805.02867; with tiles as in FlashAttention, Dao et al. 2022, https://arxiv.org/abs/2205.14135):
 *
 *   m: the largest score so far      l: the sum of e^(score - m)      o: the sum of e^(score - m) v
 *
 *   for each head (shared out among the threads)
 *     for each block of keys: pack k (turned over) and v into panels
 *       for each 6 queries: tile q k^T -> scores; bias, mask; new m; e^(score - m); rescale l and o; tile scores v -> o
 *     out = o / l
 *
 * Reference twin: backends/reference/attention.ts.
 */
import { exponentials } from './softmax'
import { PANEL, packStrided } from './pack'
import { maxLanes, splat } from './simd'
import { addTile, tile, TILE_ROWS } from './tile'

/** Keys that are looked at together. */
const BLOCK = 512
/** The lowest float32: what a masked score is pushed down by. */
const MASKED: f32 = -3.4028234663852886e38

/** What the threads read from memory; backends/wasm/kernels.ts writes it. Strides count elements. */
@unmanaged
export class AttentionJob {
  query: usize // [batch, heads, queries, headDim], the last stride is 1
  key: usize // [batch, heads / group, keys, headDim], the last stride is 1
  value: usize
  bias: usize // 0, or broadcast to [batch, heads, queries, keys]
  mask: usize // the same
  out: usize
  heads: i32
  group: i32
  queries: i32
  keys: i32
  headDim: i32
  causal: i32
  scale: f32
  queryBatch: i32
  queryHead: i32
  queryRow: i32
  keyBatch: i32
  keyHead: i32
  keyRow: i32
  valueBatch: i32
  valueHead: i32
  valueRow: i32
  biasBatch: i32
  biasHead: i32
  biasRow: i32
  biasStep: i32
  maskBatch: i32
  maskHead: i32
  maskRow: i32
  maskStep: i32
  outBatch: i32
  outHead: i32
  outRow: i32
}

/** Bytes of scratch that one thread needs; the arithmetic of {@link attention}. */
export function attentionScratch(queries: i32, keys: i32, headDim: i32): i32 {
  const width = (headDim + PANEL - 1) & -PANEL
  const block = min(BLOCK, (keys + PANEL - 1) & -PANEL)
  return (queries * (width + 2) + TILE_ROWS * block + 2 * block * width + 64) * 4
}

/** Computes (batch, head) pairs `first` to `end`. */
export function attention(job: AttentionJob, first: i32, end: i32, scratch: usize): void {
  const width = (job.headDim + PANEL - 1) & -PANEL
  const block = min(BLOCK, (job.keys + PANEL - 1) & -PANEL)
  const sums = scratch // o: [queries, width]
  const highest = sums + ((<usize>(job.queries * width)) << 2) // m: [queries]
  const totals = highest + ((<usize>job.queries) << 2) // l: [queries]
  const scores = (totals + ((<usize>job.queries) << 2) + 15) & ~15 // [6, block]
  const keyPanels = scores + ((<usize>(TILE_ROWS * block)) << 2)
  const valuePanels = keyPanels + ((<usize>(block * width)) << 2)

  for (let pair = first; pair < end; pair++) {
    const batch = pair / job.heads
    const head = pair % job.heads
    const query = job.query + ((batch * job.queryBatch + head * job.queryHead) << 2)
    const key = job.key + ((batch * job.keyBatch + (head / job.group) * job.keyHead) << 2)
    const value = job.value + ((batch * job.valueBatch + (head / job.group) * job.valueHead) << 2)
    memory.fill(sums, 0, (<usize>(job.queries * width)) << 2)
    memory.fill(totals, 0, (<usize>job.queries) << 2)
    for (let i = 0; i < job.queries; i++) store<f32>(highest + ((<usize>i) << 2), -Infinity)

    for (let start = 0; start < job.keys; start += BLOCK) {
      const keys = min(BLOCK, job.keys - start)
      packStrided(keyPanels, key + ((start * job.keyRow) << 2), job.headDim, keys, 4, job.keyRow << 2)
      packStrided(valuePanels, value + ((start * job.valueRow) << 2), keys, job.headDim, job.valueRow << 2, 4)
      for (let i = 0; i < job.queries; i += TILE_ROWS) {
        const rows = min(TILE_ROWS, job.queries - i)
        const seen = visible(job, i + rows - 1, start, keys)
        if (seen <= 0) continue
        scoreTile(job, query, i, rows, keyPanels, scores, block, seen)
        for (let r = 0; r < rows; r++) {
          const row = scores + ((<usize>(r * block)) << 2)
          const largest = finishScores(job, batch, head, i + r, start, seen, row)
          const at = (<usize>(i + r)) << 2
          absorb(row, seen, largest, highest + at, totals + at, sums + ((<usize>((i + r) * width)) << 2), width)
        }
        const o = sums + ((<usize>(i * width)) << 2)
        for (let d = 0; d < width; d += PANEL) {
          const panel = valuePanels + ((<usize>(d * keys)) << 2)
          addTile(rows, scores, (<usize>block) << 2, panel, PANEL * 4, o + ((<usize>d) << 2), (<usize>width) << 2, seen)
        }
      }
    }
    const out = job.out + ((batch * job.outBatch + head * job.outHead) << 2)
    for (let i = 0; i < job.queries; i++) {
      writeRow(out + ((i * job.outRow) << 2), sums + ((<usize>(i * width)) << 2), load<f32>(totals + ((<usize>i) << 2)), job.headDim)
    }
  }
}

/** How many keys of a block the query can see at all. With a mask none are left out, since all may have to share equally. */
@inline
function visible(job: AttentionJob, query: i32, start: i32, keys: i32): i32 {
  if (!job.causal || job.mask) return keys
  return min(keys, query + job.keys - job.queries + 1 - start)
}

/** q k^T for a few queries and the first `seen` keys of a block. */
function scoreTile(job: AttentionJob, query: usize, i: i32, rows: i32, keyPanels: usize, scores: usize, block: i32, seen: i32): void {
  const rowBytes = (<usize>job.queryRow) << 2
  const panelBytes = (<usize>(job.headDim * PANEL)) << 2
  for (let j = 0; j < seen; j += PANEL) {
    const c = scores + ((<usize>j) << 2)
    const panel = keyPanels + (<usize>j >> 3) * panelBytes
    tile(rows, query + <usize>i * rowBytes, rowBytes, panel, PANEL * 4, c, (<usize>block) << 2, job.headDim)
  }
}

/** Makes products into scores, products * scale + bias + mask with the causal mask, and returns the largest. */
function finishScores(job: AttentionJob, batch: i32, head: i32, i: i32, start: i32, seen: i32, row: usize): f32 {
  let bias: usize = 0
  let mask: usize = 0
  if (job.bias) bias = job.bias + ((batch * job.biasBatch + head * job.biasHead + i * job.biasRow + start * job.biasStep) << 2)
  if (job.mask) mask = job.mask + ((batch * job.maskBatch + head * job.maskHead + i * job.maskRow + start * job.maskStep) << 2)
  const hidden = job.causal ? max(i + job.keys - job.queries + 1 - start, 0) : seen // from here on the future begins
  const quick = (bias == 0 || job.biasStep == 1) && (mask == 0 || job.maskStep == 1)
  const scales = splat(job.scale)
  let lanes = splat(-Infinity)
  let j = 0
  for (const end = quick ? min(seen, hidden) & ~3 : 0; j < end; j += 4) {
    const at = (<usize>j) << 2
    let x = f32x4.mul(v128.load(row + at), scales)
    if (bias) x = f32x4.add(x, v128.load(bias + at))
    if (mask) x = f32x4.add(x, v128.load(mask + at))
    v128.store(row + at, x)
    lanes = f32x4.max(lanes, x)
  }
  let largest = maxLanes(lanes)
  for (; j < seen; j++) {
    const at = row + ((<usize>j) << 2)
    let x = load<f32>(at) * job.scale
    if (bias) x += load<f32>(bias + ((j * job.biasStep) << 2))
    if (mask) x += load<f32>(mask + ((j * job.maskStep) << 2))
    if (j >= hidden) x += MASKED
    store<f32>(at, x)
    largest = max(largest, x)
  }
  return largest
}

/** Makes scores into e^(score - m) with the new m, and brings l and o to it. */
function absorb(row: usize, seen: i32, largest: f32, highest: usize, total: usize, o: usize, width: i32): void {
  const before = load<f32>(highest)
  const now = max(before, largest)
  const sum = exponentials(row, row, seen, now)
  if (now == before || before == -Infinity) {
    store<f32>(total, load<f32>(total) + sum)
  } else {
    const factor = <f32>Math.exp(<f64>(before - now))
    store<f32>(total, load<f32>(total) * factor + sum)
    const factors = splat(factor)
    for (let d = 0; d < width; d += 4) {
      const at = o + ((<usize>d) << 2)
      v128.store(at, f32x4.mul(v128.load(at), factors))
    }
  }
  store<f32>(highest, now)
}

function writeRow(out: usize, o: usize, total: f32, headDim: i32): void {
  const inverses = splat(1 / total)
  let d = 0
  for (; d + 4 <= headDim; d += 4, out += 16, o += 16) v128.store(out, f32x4.mul(v128.load(o), inverses))
  for (; d < headDim; d++, out += 4, o += 4) store<f32>(out, load<f32>(o) / total)
}
