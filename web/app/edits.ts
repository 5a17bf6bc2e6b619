/**
 * What a person can do to a scene: each edit gives a new scene.
 */
import type { Scene, ScenePassage } from '../protocol.js'

/** Leaves a passage out, or takes it in again. */
export function toggleDropped(scene: Scene, id: string): Partial<Scene> {
  const { dropped } = scene
  return { dropped: dropped.includes(id) ? dropped.filter((other) => other !== id) : [...dropped, id] }
}

/** Puts a score in the place of the retriever's; undefined takes the retriever's again. */
export function setScore(scene: Scene, id: string, score: number | undefined): Partial<Scene> {
  const others = Object.entries(scene.scores).filter(([other]) => other !== id)
  return { scores: Object.fromEntries(score === undefined ? others : [...others, [id, score]]) }
}

/** Passages of one's own; what was dropped or scored and is gone is forgotten. */
export function setPassages(scene: Scene, passages: readonly ScenePassage[] | undefined): Partial<Scene> {
  const ids = new Set(passages?.map(({ id }) => id))
  return {
    passages,
    served: false,
    dropped: scene.dropped.filter((id) => ids.has(id)),
    scores: Object.fromEntries(Object.entries(scene.scores).filter(([id]) => ids.has(id))),
  }
}

/** The documents of the server. */
export const SERVED: Partial<Scene> = { passages: undefined, served: true, dropped: [], scores: {} }

/** The first of 1, 2, 3, … that no passage has. */
export function freeId(passages: readonly ScenePassage[]): string {
  const taken = new Set(passages.map(({ id }) => id))
  let number = passages.length + 1
  while (taken.has(String(number))) number++
  return String(number)
}
