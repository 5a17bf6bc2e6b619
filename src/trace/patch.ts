/**
 * Patches: hooks that change one thing in a pass, so that one sees what depends on it. Each function here makes the hooks, which go where
 * all hooks go: `model.generate(inputs, { hooks: ablateHead('decoder.1.cross_attention', 0) })`. Everything after the change is
 * computed as always. What is read (record) has to stand behind the patch in the list of hooks to see it.
 */
import { InputError, ShapeError } from '../errors.js'
import { add, copyInto, scale, type Float } from '../tensor/ops/index.js'
import { output } from '../tensor/ops/float.js'
import { shapesEqual, showShape, type Shape } from '../tensor/shape.js'
import type { DecoderStep } from './decoder-steps.js'
import type { HookPoint } from './glass.js'
import { matchPoints, type Hook, type Hooks } from './hooks.js'
import { cells, type PatchPlace } from './place.js'
import type { Recorded, Trace } from './record.js'

export interface AblateOptions extends Omit<PatchPlace, 'heads'> {
  /**
   * What the head gives instead: zeros, the mean of what it gives in all rows and positions of the pass, or a tensor that broadcasts
   * to [batch, query, headDim], such as the head's mean over other texts.
   */
  readonly by?: 'zero' | 'mean' | Float
}

/**
 * Takes a head out of an attention: its `context`, which the output projection reads, is replaced.
 * @param attention name or pattern, `decoder.1.cross_attention`
 * @throws InputError, in the pass, when there is no such head, or a mean of one position is asked for, which would change nothing
 */
export function ablateHead(attention: string, head: number, { by = 'zero', ...place }: AblateOptions = {}): Hooks {
  return edited(`${attention}.context`, { ...place, heads: [head] }, (context, point) => {
    const [batch, , queries, headDim] = context.shape
    if (by === 'zero') return output([1]).tensor
    if (by === 'mean') return meanOfHead(context.select(1, head), point)
    return fitted(point, by, [batch, queries, headDim]).reshape([batch, 1, queries, headDim])
  })
}

/** One edge of an attention, or all that lead to a token. */
export interface AttentionEdge {
  /** Place of the token that is looked at. */
  readonly key: number
  /** Place of the token that looks; all unless told. */
  readonly query?: number
  /** All heads unless told. */
  readonly head?: number
  /** All rows unless told. */
  readonly row?: number
}

/**
 * Keeps a token from looking at another one: the edge's score becomes -Infinity before the softmax, so that the other keys share the
 * probability and it still sums to 1.
 * @param attention name or pattern, `encoder.*.self_attention`
 * @throws InputError, in the pass, when there is no such head or key, or when a query would have no key left to look at
 */
export function knockOutEdge(attention: string, { key, query, head, row }: AttentionEdge): Hooks {
  const place: PatchPlace = { positions: asList(query), heads: asList(head), rows: asList(row) }
  return {
    [`${attention}.scores`]: (scores, point, step) => {
      const changed = scores.copy()
      for (const cell of cells(changed, point, step, place)) knockOut(cell, key, point)
      return changed
    },
  }
}

/**
 * Puts a tensor in the place of what passes.
 * @param points name or pattern
 * @param tensor broadcasts to the shape at the point
 * @throws ShapeError, in the pass, where it does not
 */
export function replaceWith(points: string, tensor: Float, place: PatchPlace = {}): Hooks {
  return edited(points, place, () => tensor)
}

/**
 * Adds a vector to what passes, as in steering with a difference of activations (Turner et al. 2023, https://arxiv.org/abs/2308.10248).
 * @param points name or pattern, `decoder.3.resid_pre`
 * @param vector broadcasts to the shape at the point, [dimension] for instance
 * @throws ShapeError, in the pass, where it does not
 */
export function steer(
  points: string,
  vector: Float,
  { strength = 1, ...place }: PatchPlace & { readonly strength?: number } = {},
): Hooks {
  return edited(points, place, (tensor, point) => add(tensor, scale(fitted(point, vector, tensor.shape), strength)))
}

/**
 * Activation patching: what passed the points in another run takes the place of what passes now (Meng et al. 2022,
 * https://arxiv.org/abs/2202.05262). Steps of a generation get what was recorded at the step of the same number.
 * @param patterns points to patch, all of the trace unless told
 * @throws InputError for a pattern that matches no point of the trace and, in the pass, for a step that was not recorded or was
 * recorded more than once; ShapeError, in the pass, where the shapes of the runs differ
 */
export function patchFrom(trace: Trace, patterns: readonly string[] = ['*'], place: PatchPlace = {}): Hooks {
  const points = [...trace.values()].map(([{ point }]) => point)
  const names = new Set(patterns.flatMap((pattern) => matchPoints(pattern, points)).map(({ name }) => name))
  const hooks = [...names].map((name) =>
    edited(name, place, (tensor, point, step) => {
      const recorded = recordedAt(trace.get(name)!, point, step)
      if (shapesEqual(recorded.shape, tensor.shape)) return recorded
      throw new ShapeError(name, `${showShape(recorded.shape)} was recorded, ${showShape(tensor.shape)} passes here`)
    }),
  )
  return Object.assign({}, ...hooks) as Hooks
}

function recordedAt(all: readonly Recorded[], { name }: HookPoint, step: DecoderStep | undefined): Recorded {
  const fitting = all.filter((recorded) => recorded.step?.index === step?.index)
  if (fitting.length === 1) return fitting[0]
  const which = step ? `step ${step.index} of a generation` : 'a forward pass'
  throw new InputError(
    'not-recorded',
    `patchFrom: the trace has ${fitting.length} tensors of ${name} in ${which}, one is needed; record one run of the same kind`,
  )
}

/** Hooks that put `source`, which broadcasts to the tensor that passes, into a part of it. */
function edited(
  points: string,
  place: PatchPlace,
  source: (tensor: Float, point: HookPoint, step: DecoderStep | undefined) => Float,
): Hooks {
  const hook: Hook = (tensor, point, step) => {
    const changed = tensor.copy()
    const targets = cells(changed, point, step, place)
    const from = fitted(point, source(tensor, point, step), tensor.shape)
    const sources = cells(from, point, step, place)
    targets.forEach((target, i) => copyInto(target, sources[i]))
    return changed
  }
  return { [points]: hook }
}

function fitted({ name }: HookPoint, tensor: Float, shape: Shape): Float {
  try {
    return tensor.broadcastTo(shape)
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new ShapeError(name, `${showShape(tensor.shape)} does not broadcast to ${showShape(shape)}`)
  }
}

/** [batch, query, headDim] -> [headDim] */
function meanOfHead(context: Float, { name }: HookPoint): Float {
  const width = context.shape[2]
  const count = context.size / width
  if (count === 1) {
    throw new InputError(
      'no-mean',
      `ablateHead: ${name} has one row and one position here, whose mean is itself; give a tensor (by), such as the mean over other texts`,
    )
  }
  const { tensor, data } = output([width])
  for (const { start, step } of context.rows()) {
    for (let i = 0; i < width; i++) data[i] += context.data[start + i * step] / count
  }
  return tensor
}

/** Scores from here on are masked, however small they were before the lowest float32 was added to them. See attention/masks.ts. */
const MASKED_BELOW = -1e38

/** @param scores [..., key] */
function knockOut(scores: Float, key: number, { name }: HookPoint): void {
  const keys = scores.shape.at(-1)!
  if (!(Number.isInteger(key) && key >= 0 && key < keys)) {
    throw new InputError('bad-position', `knockOutEdge: ${name} has keys 0 to ${keys - 1}, not ${key}`)
  }
  for (const { start, step } of scores.rows()) {
    const seen = Array.from({ length: keys }, (_, at) => at).filter(
      (at) => scores.data[start + at * step] > MASKED_BELOW,
    )
    if (seen.length === 1 && seen[0] === key) {
      throw new InputError(
        'no-key-left',
        `knockOutEdge: ${name}: a query sees no other key than ${key}, and has to look somewhere`,
      )
    }
    scores.data[start + key * step] = -Infinity
  }
}

function asList(index: number | undefined): readonly number[] | undefined {
  return index === undefined ? undefined : [index]
}
