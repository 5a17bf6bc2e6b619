/**
 * Hooks: functions at hook points, by name pattern. A hook reads the tensor, returns another one to replace it, or awaits
 * something (a click, in an explorer) and so holds the pass there.
 */
import { InputError, ShapeError } from '../errors.js'
import { showShape, shapesEqual } from '../tensor/shape.js'
import type { Float } from '../tensor/ops/index.js'
import type { DecoderStep } from './decoder-steps.js'
import { CLEAR, type Glass, type HookPoint } from './glass.js'

/**
 * Called with the tensor at a hook point and, in the decoder of a generation, the step that it is of. The tensor is only lent: copy()
 * it to keep it. Return a tensor of the same shape to replace it.
 */
export type Hook = (
  tensor: Float,
  point: HookPoint,
  step: DecoderStep | undefined,
) => Float | undefined | void | Promise<Float | undefined | void> // eslint-disable-line @typescript-eslint/no-invalid-void-type

/** Hooks by pattern: a hook point's name, where `*` stands for any characters: `decoder.*.cross_attention.probs`. */
export type Hooks = Readonly<Record<string, Hook>>

/** Hooks, or several of them, of which the later see what the earlier put in: `[ablateHead('decoder.0.self_attention', 3), hooks]`. */
export type HooksLike = Hooks | readonly HooksLike[]

/**
 * The glass through which these hooks look at one pass of a model. Hooks that match one point run in the order given.
 * @throws InputError when a pattern matches none of the model's hook points
 */
export function glassOf(hooks: HooksLike, points: readonly HookPoint[], step?: DecoderStep): Glass {
  const byName = new Map<string, Hook[]>()
  for (const [pattern, hook] of entriesOf(hooks)) {
    for (const { name } of matchPoints(pattern, points)) byName.set(name, [...(byName.get(name) ?? []), hook])
  }
  if (byName.size === 0) return CLEAR
  return {
    watches: ({ name }) => byName.has(name),
    show: async (point, tensor) => {
      let shown = tensor
      for (const hook of byName.get(point.name) ?? []) {
        const replaced = await hook(shown, point, step)
        if (replaced === undefined) continue
        if (!shapesEqual(replaced.shape, shown.shape)) {
          throw new ShapeError(
            point.name,
            `the hook returned ${showShape(replaced.shape)} for ${showShape(shown.shape)}`,
          )
        }
        shown = replaced
      }
      return shown
    },
  }
}

function entriesOf(hooks: HooksLike): readonly (readonly [string, Hook])[] {
  return isList(hooks) ? hooks.flatMap(entriesOf) : Object.entries(hooks)
}

function isList(hooks: HooksLike): hooks is readonly HooksLike[] {
  return Array.isArray(hooks)
}

/** Hooks that call `hook` once for each tensor, also where several of the patterns name its point. */
export function hooksOnce(patterns: readonly string[], hook: Hook): Hooks {
  const caller = new Map<string, string>() // by point, the first of its patterns that was called
  return Object.fromEntries(
    patterns.map((pattern): [string, Hook] => [
      pattern,
      (tensor, point, step) => {
        if (!caller.has(point.name)) caller.set(point.name, pattern)
        return caller.get(point.name) === pattern ? hook(tensor, point, step) : undefined
      },
    ]),
  )
}

/** Two glasses, one behind the other: the second sees what the first let through. */
export function behind(front: Glass, back: Glass): Glass {
  return {
    watches: (point) => front.watches(point) || back.watches(point),
    show: async (point, tensor) => back.show(point, await front.show(point, tensor)),
  }
}

/** The points whose name matches a pattern. @throws InputError when none does */
export function matchPoints(pattern: string, points: readonly HookPoint[]): readonly HookPoint[] {
  const expression = new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`)
  const matched = points.filter(({ name }) => expression.test(name))
  if (matched.length > 0) return matched
  const last = pattern.split('.').at(-1)
  const near = points.filter(({ name }) => name.split('.').at(-1) === last).slice(0, 3)
  const hint = near.length > 0 ? `near: ${near.map(({ name }) => name).join(', ')}` : 'model.hookPoints() lists them'
  throw new InputError('unknown-hook-point', `no hook point matches "${pattern}"; ${hint}`)
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
