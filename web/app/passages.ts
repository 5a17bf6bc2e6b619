/**
 * Passages from a file: JSON lines with `text` and maybe `id` and `title`, or plain text whose paragraphs are the passages. A file comes
 * from anyone, so every line is checked.
 */
import type { ScenePassage } from '../protocol.js'
import { LIMITS } from './address.js'

/** A file that does not hold passages. */
export class PassagesError extends Error {
  readonly code = 'bad-passages'
  override readonly name = 'PassagesError'
}

/** Bytes of a file, and passages in it. */
export const MOST = { bytes: 20_000_000, passages: 5000 }

/** @throws PassagesError */
export async function readPassages(file: File): Promise<ScenePassage[]> {
  if (file.size > MOST.bytes) throw new PassagesError(`${file.name} has more than ${MOST.bytes / 1e6} MB`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer())
  } catch {
    throw new PassagesError(`${file.name} is not UTF-8 text; give JSON lines or a text file`)
  }
  const passages = /\.(jsonl|ndjson|json)$/i.test(file.name) ? parseLines(file.name, text) : parseParagraphs(text)
  if (passages.length === 0) throw new PassagesError(`${file.name} holds no passages`)
  if (passages.length > MOST.passages) {
    throw new PassagesError(`${file.name} holds ${passages.length} passages, ${MOST.passages} are possible`)
  }
  const ids = new Set(passages.map(({ id }) => id))
  if (ids.size < passages.length) throw new PassagesError(`${file.name} has two passages of the same id`)
  return passages
}

/** Passages are parted by empty lines. */
export function parseParagraphs(text: string): ScenePassage[] {
  const paragraphs = text.split(/\r?\n\s*\r?\n/).map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
  return paragraphs
    .filter((paragraph) => paragraph !== '')
    .map((paragraph, i) => ({ id: String(i + 1), title: '', text: paragraph }))
}

/** @throws PassagesError that names the line */
export function parseLines(name: string, text: string): ScenePassage[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const where = `${name}, line ${i + 1}`
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw new PassagesError(`${where} is not JSON; every line is one passage, like {"title": "France", "text": "…"}`)
    }
    const { id = i + 1, title = '', text: body } = (value ?? {}) as Record<string, unknown>
    if (typeof body !== 'string' || body.trim() === '') throw new PassagesError(`${where} has no "text"`)
    if (typeof title !== 'string') throw new PassagesError(`${where}: "title" is not a text`)
    if ((typeof id !== 'string' && typeof id !== 'number') || String(id).length > LIMITS.id) {
      throw new PassagesError(`${where}: "id" is not a short text or a number`)
    }
    if (body.length > LIMITS.text)
      throw new PassagesError(`${where}: the text is longer than ${LIMITS.text} characters`)
    return [{ id: String(id), title, text: body }]
  })
}
