/**
 * Hooks: functions at hook points, by name pattern. A hook reads the tensor, returns another one to replace it, or awaits
 * something (a click, in an explorer) and so holds the pass there.
 */
import { InputError, ShapeError } from '../errors.js'
import { showShape, shapesEqual } from '../tensor/shape.js'
import type { Float } from '../tensor/ops/index.js'
import type { Glass, HookPoint } from './glass.js'

/**
 * Called with the tensor at a hook point. The tensor is only lent: copy() it to keep it unchanged. Return a tensor of the same
 * shape to replace it.
 */
export type Hook = (tensor: Float, point: HookPoint) => Float | undefined | void | Promise<Float | undefined | void> // eslint-disable-line @typescript-eslint/no-invalid-void-type

/** Hooks by pattern: a hook point's name, where `*` stands for any characters: `decoder.*.cross_attention.probs`. */
export type Hooks = Readonly<Record<string, Hook>>

/**
 * The glass through which these hooks look at a model. Hooks that match one point run in the order given.
 * @throws InputError when a pattern matches none of the model's hook points
 */
export function glassOf(hooks: Hooks, points: readonly HookPoint[]): Glass {
  const byName = new Map<string, Hook[]>()
  for (const [pattern, hook] of Object.entries(hooks)) {
    const matched = matchPoints(pattern, points)
    for (const { name } of matched) byName.set(name, [...(byName.get(name) ?? []), hook])
  }
  return {
    watches: ({ name }) => byName.has(name),
    show: async (point, tensor) => {
      let shown = tensor
      for (const hook of byName.get(point.name) ?? []) {
        const replaced = await hook(shown, point)
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
