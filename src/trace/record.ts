/**
 * Recording: run something and keep the tensors that passed some hook points, each with the point and the step that it is of.
 */
import { InputError } from '../errors.js'
import type { Float } from '../tensor/ops/index.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'
import type { DecoderStep } from './decoder-steps.js'
import type { HookPoint } from './glass.js'
import { hooksOnce, type Hooks } from './hooks.js'
import { viewOfRow } from './rows.js'

/** A tensor that passed a hook point. */
export class Recorded extends Tensor<'float32'> {
  readonly point: HookPoint
  /** The step of the generation; undefined in an encoder and in a forward pass. */
  readonly step: DecoderStep | undefined

  constructor(tensor: Float, point: HookPoint, step: DecoderStep | undefined) {
    const { dtype, data, shape } = tensor.copy()
    super({ dtype, data, shape })
    this.point = point
    this.step = step
  }

  /**
   * A view of one row, without the first axis, also where beams are queries of one source (rows.ts).
   * @throws InputError when there is no such row; ShapeError when only a part was kept, with other axes than the point has
   */
  row(row: number): Float {
    return viewOfRow(this, this.point, this.step, row)
  }
}

/** For each hook point, its tensors in the order in which they passed: one for a forward pass, one a step for a generation. */
export type Trace = ReadonlyMap<string, readonly Recorded[]>

export interface RecordOptions {
  /** Most bytes that the trace may take; 256 MiB unless told. */
  readonly maxBytes?: number
  /** What to keep of a tensor: a part of it, such as a slice, or, with undefined, nothing. The tensor is only lent. */
  readonly keep?: (tensor: Float, point: HookPoint, step: DecoderStep | undefined) => Float | undefined
}

export const MAX_TRACE_BYTES = 256 * 2 ** 20

/**
 * Runs `run` with hooks that copy every tensor at the points that `patterns` name.
 * The hooks are handed to `run` and not set globally, so that two runs at the same time do not see each other:
 * `record((hooks) => model.generate(inputs, { hooks }), ['decoder.*.cross_attention.probs'])`.
 * @throws InputError as soon as the trace would become larger than `maxBytes`; the run ends there
 */
export async function record<T>(
  run: (hooks: Hooks) => Promise<T>,
  patterns: readonly string[],
  { maxBytes = MAX_TRACE_BYTES, keep = (tensor) => tensor }: RecordOptions = {},
): Promise<{ output: T; trace: Trace }> {
  const trace = new Map<string, Recorded[]>()
  let bytes = 0
  const hooks = hooksOnce(patterns, (tensor, point, step) => {
    const kept = keep(tensor, point, step)
    if (kept === undefined) return
    bytes += kept.size * Float32Array.BYTES_PER_ELEMENT
    if (bytes > maxBytes) throw tooLarge(kept, point, { bytes, maxBytes })
    const recorded = new Recorded(kept, point, step)
    const before = trace.get(point.name)
    if (before) before.push(recorded)
    else trace.set(point.name, [recorded])
  })
  return { output: await run(hooks), trace }
}

function tooLarge(tensor: Float, { name }: HookPoint, { bytes, maxBytes }: { bytes: number; maxBytes: number }) {
  return new InputError(
    'trace-too-large',
    `record: with ${name} ${showShape(tensor.shape)} the trace takes ${bytes} bytes, maxBytes is ${maxBytes}; name fewer points, keep a part of each tensor (keep), or raise maxBytes`,
  )
}
