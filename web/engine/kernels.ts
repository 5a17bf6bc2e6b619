/**
 * The kernels that the backend compiled from source, and where each is used. That is counted and not written down: the last walk's
 * question is embedded and its answer read and scored once more, with hooks at the points, and a launch belongs to the point that
 * comes next. Tensors that exist only where somebody looks are left alone, so that what runs is what runs without hooks.
 */
import type { GpuBackend, Hooks } from 'glassformer'
import type { KernelInfo } from '../protocol.js'
import type { Models } from './models.js'
import type { Walked } from './walk.js'

/** Points of tensors inside fused kernels: the scores of attention, what each head adds, the sum before an activation. */
const FUSED = /\.(scores|probs|head_out|pre)$/

/** @throws AbortedError */
export async function readKernels(
  { backend, retriever, reader }: Models,
  { walk, answerIds, hooks: ofScene }: Walked,
  signal: AbortSignal,
): Promise<KernelInfo[]> {
  if (backend.name !== 'gpu') return []
  const gpu = backend as GpuBackend
  let before = launchesOf(gpu)
  /** Launches since the last call. */
  const launched = (): Launches => {
    const now = launchesOf(gpu)
    const since = new Map([...now].map(([name, count]) => [name, count - (before.get(name) ?? 0)]))
    before = now
    return since
  }

  const { question } = walk.scene
  await retriever.embed(question, { signal })
  const forVector = launched()
  const atPoints = new Map<string, Map<string, number>>()
  const points = reader.model.hookPoints().filter(({ name }) => !FUSED.test(name))
  const count: Hooks[string] = (_tensor, { name: point }) => {
    const place = point.replace(/\.\d+\./, '.*.')
    for (const [name, launches] of launched()) {
      if (launches === 0) continue
      const places = atPoints.get(name) ?? new Map<string, number>()
      atPoints.set(name, places.set(place, (places.get(place) ?? 0) + launches))
    }
  }
  const hooks = [ofScene, Object.fromEntries(points.map(({ name }) => [name, count]))]
  const reading = await reader.read(question, walk.answer.passages, { hooks, signal })
  await reading.logProbs(answerIds, { hooks, signal })

  return gpu.kernelSources().map(({ name: compiled, source, generated }) => {
    const [name, ...shapes] = compiled.split(', ')
    const places = [...(atPoints.get(compiled) ?? [])].map(([point, launches]) => ({ point, launches }))
    return {
      name,
      shapes: shapes.length > 0 ? shapes.join(', ') : undefined,
      source,
      generated: generated ?? '',
      forVector: forVector.get(compiled) ?? 0,
      atPoints: places.sort((a, b) => b.launches - a.launches),
    }
  })
}

/** By the name that a kernel was compiled under. */
type Launches = ReadonlyMap<string, number>

function launchesOf(gpu: GpuBackend): Launches {
  return new Map(gpu.kernelSources().map(({ name, launches }) => [name, launches]))
}
