/**
 * Plain text: one block, in which empty lines part the paragraphs.
 */
import type { ParsedText } from './document.js'

export function parsePlainText(source: string): ParsedText {
  const spans = source === '' ? [] : [{ at: 0, length: source.length, start: 0, end: source.length }]
  return { blocks: [{ text: source, spans, source, headingPath: [] }] }
}
