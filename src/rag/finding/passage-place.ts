/**
 * Where a stretch of a passage's text stands in its file, from the places that the passage was given when its document was split: the file is
 * not read again.
 */
import { InputError } from '../../errors.js'
import type { Passage, PassagePlace, PassageSource } from './corpus.js'

/** A stretch of a passage in its file, counted as in {@link PassageSource}. */
export interface SourcePlace extends Omit<PassageSource, 'places'> {
  /** Line in which it begins, from 1, where the passage knows its places: in the text in which `start` is counted. Only `\n` ends one. */
  readonly line?: number
}

type Stretch = Required<Pick<SourcePlace, 'start' | 'end' | 'line'>>

/**
 * Where text[start, end) of a passage stands in the source: the shortest range that holds all of it. That is the stretch itself where it stands there
 * as it is; where a part was decoded (`&eacute;`), with all of what it was made of; and with the markup in between. What was only put
 * there, such as the header in front of a cell, is an empty range before what it belongs to. A passage without places (of an older
 * index, or made by hand) has its own range, and no line.
 * @returns undefined for a passage without a source
 * @throws InputError when [start, end) is empty or no part of the text
 */
export function placeInSource(
  passage: Pick<Passage, 'text' | 'source'>,
  start: number,
  end: number,
): SourcePlace | undefined {
  const { text, source } = passage
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end && end <= text.length)) {
    throw new InputError(
      'bad-range',
      `placeInSource: characters ${start} to ${end}, expected some of the ${text.length} of the passage`,
    )
  }
  if (!source) return undefined
  const { places = [], ...whole } = source
  if (places.length === 0) return whole
  const parts = places.flatMap((place) => partOf(place, text, start, end) ?? [])
  if (parts.length > 0) return { ...whole, ...parts.reduce(joined) }
  const next = places.find(([at]) => at >= end)
  if (next) return { ...whole, start: next[2], end: next[2], line: next[3] }
  const [at, length] = places[places.length - 1]
  return placeInSource(passage, at + length - 1, at + length)
}

/** What of text[start, end) a place holds. */
function partOf(
  [at, length, from, line, decodedTo]: PassagePlace,
  text: string,
  start: number,
  end: number,
): Stretch | undefined {
  const [first, last] = [Math.max(start, at), Math.min(end, at + length)]
  if (first >= last) return undefined
  if (decodedTo !== undefined) return { start: from, end: decodedTo, line }
  const lines = text.slice(at, first).split('\n').length - 1
  return { start: from + first - at, end: from + last - at, line: line + lines }
}

function joined(a: Stretch, b: Stretch): Stretch {
  const { start, line } = b.start < a.start ? b : a
  return { start, end: Math.max(a.end, b.end), line }
}

/** What is wrong with a source from elsewhere, or undefined. There need be none. */
export function wrongSource(source: unknown, text: string): string | undefined {
  if (source === undefined || source === null) return undefined
  if (typeof source !== 'object' || Array.isArray(source)) return `source is ${shown(source)}, expected an object`
  const { file, page, record, headingPath, start, end } = source as Readonly<Record<string, unknown>>
  if (typeof file !== 'string') return `the file of source is ${shown(file)}, expected a string`
  if (!Array.isArray(headingPath) || headingPath.some((heading) => typeof heading !== 'string'))
    return `the headingPath of source is ${shown(headingPath)}, expected a list of strings`
  if (!isCount(start) || !isCount(end) || start > end)
    return `source is from ${shown(start)} to ${shown(end)}, expected two whole numbers in order`
  if (page !== undefined && !isCount(page)) return `the page of source is ${shown(page)}, expected a whole number`
  if (record !== undefined && typeof record !== 'string')
    return `the record of source is ${shown(record)}, expected a string`
  return wrongPlaces(source, text)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** What is wrong with the places of a source from elsewhere, or undefined. None are right, too. */
export function wrongPlaces(source: unknown, text: string): string | undefined {
  const places = (source as { readonly places?: unknown } | null | undefined)?.places ?? []
  if (!Array.isArray(places)) return `places is ${shown(places)}, expected a list`
  let end = 0
  for (const [i, place] of (places as readonly unknown[]).entries()) {
    if (!isPlace(place) || place[0] < end || place[0] + place[1] > text.length) {
      return `place ${i + 1} is ${shown(place)}, expected [at, length, start, line] or [at, length, start, line, end] within ${end} to ${text.length}`
    }
    end = place[0] + place[1]
  }
  return undefined
}

function isPlace(value: unknown): value is PassagePlace {
  if (!Array.isArray(value) || value.length < 4 || value.length > 5) return false
  const [, length, start, line, end = start] = value as number[]
  return value.every((part) => Number.isSafeInteger(part) && part >= 0) && length >= 1 && line >= 1 && end >= start
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60)
}
