/**
 * Tokens as labels, and where each stands in the part of the text that it was cut from.
 */
import { readerInput, type AnswerToken, type Tokenizer } from 'glassformer'
import type { Token } from '../protocol.js'

/** A stretch of a text that is a part of its own. */
interface Section {
  readonly part: Token['part']
  readonly start: number
  readonly end: number
}

/** A token's own text, with the space before it where it has one. Special tokens are spelled as the vocabulary does. */
export function tokenText(id: number, tokenizer: Tokenizer): string {
  const spelled = tokenizer.idToToken(id) ?? ''
  if (spelled.startsWith('##')) return spelled.slice(2) // WordPiece: goes on in the word
  if (spelled.includes('▁')) return spelled.replaceAll('▁', ' ') // SentencePiece, whose decoder drops the first space
  return tokenizer.decode([id], { skipSpecialTokens: false }) || spelled
}

/** The tokens of a question as an encoder reads it. */
export function questionTokens(question: string, tokenizer: Tokenizer): Token[] {
  return placed(question, tokenizer, [{ part: 'question', start: 0, end: question.length }])
}

/** The tokens of a text that is read alone. */
export function textTokens(text: string, tokenizer: Tokenizer): Token[] {
  return placed(text, tokenizer, [{ part: 'text', start: 0, end: text.length }])
}

/** The tokens of what a reader reads. */
export function sourceTokens(
  passage: { readonly title: string; readonly text: string },
  question: string,
  tokenizer: Tokenizer,
): Token[] {
  const whole = readerInput(passage, question)
  const { title, text } = passage
  const textStart = title === '' ? 0 : title.length + ' / '.length
  return placed(whole, tokenizer, [
    { part: 'title', start: 0, end: title.length },
    { part: 'text', start: textStart, end: textStart + text.length },
    { part: 'question', start: whole.length - question.length, end: whole.length },
  ])
}

/** The tokens of an answer as a decoder reads them: the start token, and all that it writes but the end. */
export function targetTokens(written: readonly AnswerToken[], startId: number, tokenizer: Tokenizer): Token[] {
  let end = 0
  const tokens = written.slice(0, -1).map(({ id, text }): Token => {
    end += text.length
    return { id, text: tokenText(id, tokenizer), part: 'answer', start: end - text.trimStart().length, end }
  })
  return [mark(startId, tokenizer), ...tokens]
}

function placed(text: string, tokenizer: Tokenizer, sections: readonly Section[]): Token[] {
  const { ids } = tokenizer.encode(text)
  return tokenizer.offsets(text).map((span, i) => {
    const section = span && sections.find(({ start, end }) => start <= span.start && span.end <= end)
    if (!section || span.start === span.end) return mark(ids[i], tokenizer)
    const [start, end] = [span.start - section.start, span.end - section.start]
    return { id: ids[i], text: tokenText(ids[i], tokenizer), part: section.part, start, end }
  })
}

function mark(id: number, tokenizer: Tokenizer): Token {
  return { id, text: tokenText(id, tokenizer), part: 'mark', start: 0, end: 0 }
}
