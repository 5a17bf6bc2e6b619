/**
 * How a passage and a question are put to the reader as one text.
 */
import { InputError } from '../../errors.js'
import type { Tokenizer } from '../../tokenizer/index.js'

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

/** Characters that are looked at for each token that fits. */
const CHARACTERS_PER_TOKEN = 8

/**
 * The text that is read, and how many characters of the passage's text are in it: as many as fit beside the question, or a few less; undefined where
 * all fit.
 * @throws InputError where the question and the title leave no room
 */
export function fittedInput(
  { title, text }: ReadablePassage,
  question: string,
  {
    tokenizer,
    format,
    maxLength,
  }: { readonly tokenizer: Tokenizer; readonly format: typeof readerInput; readonly maxLength: number },
): { readonly input: string; readonly readTo: number | undefined } {
  const most = maxLength * CHARACTERS_PER_TOKEN
  if (title.length > most) throw tooLong(`a passage's title has ${title.length} characters`, maxLength)
  for (let end = Math.min(text.length, most); ;) {
    const input = format({ title, text: text.slice(0, end) }, question)
    const { length } = tokenizer.encode(input).ids
    if (length <= maxLength) return { input, readTo: end < text.length ? end : undefined }
    if (end === 0) throw tooLong(`the question and a passage's title have ${length} tokens`, maxLength)
    end = Math.floor(0.95 * end * Math.min(1, maxLength / length))
  }
}

function tooLong(what: string, maxLength: number): InputError {
  return new InputError('too-long', `${what}, which leaves no room in a reader of ${maxLength} tokens; shorten them`)
}
