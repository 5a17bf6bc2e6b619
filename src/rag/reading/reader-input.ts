/**
 * How a passage and a question are put to the reader as one text.
 */
/** A passage as the reader takes it. */
export interface ReadablePassage {
  readonly title: string
  readonly text: string
}

/**
 * `title / text // question`, or `text // question` where there is no title: what the reader was trained on. A line break becomes a space, of
 * which the reader has seen more; every other character stays where it is.
 */
export function readerInput({ title, text }: ReadablePassage, question: string): string {
  return `${title === '' ? '' : `${title} / `}${text.replace(/[\n\r\t]/g, ' ')} // ${question}`
}
