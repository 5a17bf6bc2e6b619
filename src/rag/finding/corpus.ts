/**
 * A corpus: passages as JSON lines, `{"id": "1", "title": "France", "text": "France is a country …"}`. Other fields are ignored.
 */
import { GlassformerError } from '../../errors.js'
import { JsonObject, parseJson } from '../../files/json.js'

export interface Passage {
  readonly id: string
  /** What the passage is about; may be empty. */
  readonly title: string
  readonly text: string
  /** Where it stands, for passages of a file. */
  readonly source?: PassageSource
  /** What searches can be restricted by. */
  readonly metadata?: Metadata
}

/** A place in a file, as a citation gives it. */
export interface PassageSource {
  /** Path, as it was given when the file was read. */
  readonly file: string
  /** Page of a PDF, from 1. */
  readonly page?: number
  /** Id of the record, in a file that holds many. */
  readonly record?: string
  /** Headings above the passage, the outermost first. */
  readonly headingPath: readonly string[]
  /**
   * First character, and the one after the last, counted in UTF-16 units: in the file's text, without a byte-order mark; in a PDF, in the
   * text of the page; in a record, in its own text.
   */
  readonly start: number
  readonly end: number
  /** Where each part of the passage stands, in the order of its text, for {@link placeInSource}. What is in none was put there by the reader. */
  readonly places?: readonly PassagePlace[]
}

/**
 * A part of a passage's text, from character `at` on, and where it stands: source[start, start + length), as it is; or source[start, end),
 * where it was made of that, as é of `&eacute;`. `line` is the one of `start`, from 1, counted where `start` is.
 */
export type PassagePlace = readonly [at: number, length: number, start: number, line: number, end?: number]

export type MetadataValue = string | number | boolean
/** Of a list of values, any can be searched for. */
export type Metadata = Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>

/** A passage as one text, as encoders and rerankers read it: `title. text`. */
export function passageText({ title = '', text }: Pick<Passage, 'text'> & Partial<Passage>): string {
  return title === '' ? text : `${title}. ${text}`
}

/** A corpus that cannot be used; the message names file and line. */
export class CorpusError extends GlassformerError {}

/**
 * Parses JSON lines. A missing id becomes the line's number, a missing title ''. Blank lines and a byte-order mark are skipped.
 * @throws CorpusError for a line that is not a passage, an id that occurs twice, or a corpus without passages
 */
export function parseCorpus(text: string, where: string): Passage[] {
  const passages = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index + 1, where)]))
  return checkPassages(passages, where)
}

/** @throws CorpusError for no passages, an empty text, or an id that occurs twice */
export function checkPassages(passages: readonly Passage[], where: string): Passage[] {
  if (passages.length === 0) throw new CorpusError('empty-corpus', `${where}: there are no passages; give at least one`)
  const ids = new Set<string>()
  for (const { id, text } of passages) {
    if (typeof text !== 'string' || text.trim() === '')
      throw new CorpusError(
        'empty-passage',
        `${where}: the text of passage ${JSON.stringify(id)} is ${typeof text === 'string' ? 'empty' : 'missing'}`,
      )
    if (ids.has(id)) throw new CorpusError('duplicate-id', `${where}: the id ${JSON.stringify(id)} occurs twice`)
    ids.add(id)
  }
  return [...passages]
}

function parseLine(line: string, number: number, where: string): Passage {
  const at = `${where}, line ${number}`
  try {
    const fields = new JsonObject(parseJson(line, at), at)
    return { id: fields.string('id', String(number)), title: fields.string('title', ''), text: fields.string('text') }
  } catch (error) {
    const { message, code } = error as GlassformerError
    throw new CorpusError(code, message, { cause: error })
  }
}
