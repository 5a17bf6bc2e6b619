/**
 * A guided tour as data: stops on the path, what is said there, what is set before, and at some of them a question that is answered by
 * doing something on the page. Whether it was done is read from the state, so any way of doing it counts.
 */
import { rowOf, weightsOf } from '../attention/map-weights.js'
import type { Selection } from '../app/selection.js'
import type { AttentionMap, Scene, Walk } from '../protocol.js'

/** What a task is checked against. */
export interface TourState {
  /** The walk that is shown; its scene is the one that was walked. */
  readonly walk: Walk
  readonly selection: Selection
  /** The maps that are looked at; undefined while they are on their way. */
  readonly encoder: AttentionMap | undefined
  readonly decoder: AttentionMap | undefined
}

export interface Task {
  /** What the reader is asked to do. */
  readonly ask: string
  readonly isDone: (state: TourState) => boolean
  /** What is said once it is done. */
  readonly done: string
}

export interface Stop {
  /** The panel's id. */
  readonly at: string
  readonly text: string
  /** Set when the stop is reached. */
  readonly scene?: Partial<Scene>
  readonly select?: Partial<Selection>
  readonly task?: Task
}

export interface Tour {
  readonly title: string
  /** The runnable lesson of the same number, in the project's folder `lessons/`. */
  readonly lesson: string
  readonly stops: readonly Stop[]
}

/** The weight of the cell that is looked at in the encoder; undefined for the mean and while the map is on its way. */
export function encoderWeight({ selection: { encoder }, encoder: map }: TourState): number | undefined {
  if (!map || encoder.head === 'mean' || map.attention !== encoder.attention) return undefined
  return rowOf(weightsOf(map, encoder.head), encoder.query, map.keys.length)[encoder.key]
}

/** The mean weight that the chosen encoder head gives to the token `offset` places on. */
export function diagonalWeight(
  { selection: { encoder }, encoder: map }: TourState,
  offset: number,
): number | undefined {
  if (!map || encoder.head === 'mean' || map.attention !== encoder.attention) return undefined
  const weights = weightsOf(map, encoder.head)
  const rows = map.queries.map((_, query) => query).filter((query) => query + offset in map.keys)
  const sum = rows.reduce((total, query) => total + rowOf(weights, query, map.keys.length)[query + offset], 0)
  return sum / rows.length
}

/** The tokens of the encoder's cell that is looked at, without their spaces. */
export function encoderCell({ selection: { encoder }, walk, selection }: TourState): { query: string; key: string } {
  const tokens = walk.sources[selection.passage]
  return { query: tokens[encoder.query].text.trim(), key: tokens[encoder.key].text.trim() }
}
