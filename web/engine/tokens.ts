/**
 * Tokens as labels, and where each stands in the text that it was cut from.
 */
import { readerInput, type Tokenizer } from 'glassformer'
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
  const decoded = tokenizer.decode([id], { skipSpecialTokens: false })
  return decoded === '' ? spelled : decoded
}

/** The tokens of a question as an encoder reads it. */
export function questionTokens(question: string, ids: readonly number[], tokenizer: Tokenizer): Token[] {
  return place(question, ids, tokenizer, [{ part: 'question', start: 0, end: question.length }])
}

/** The tokens of what a reader reads; `ids` begin and end with the marks of its format. */
export function sourceTokens(
  passage: { readonly title: string; readonly text: string },
  question: string,
  ids: readonly number[],
  tokenizer: Tokenizer,
): Token[] {
  const whole = readerInput(passage, question)
  const { title, text } = passage
  const textStart = title === '' ? 0 : title.length + ' / '.length
  return place(whole, ids, tokenizer, [
    { part: 'title', start: 0, end: title.length },
    { part: 'text', start: textStart, end: textStart + text.length },
    { part: 'question', start: whole.length - question.length, end: whole.length },
  ])
}

/** The tokens of an answer: a start token, which is a mark, and the answer's own. */
export function targetTokens(answer: string, ids: readonly number[], tokenizer: Tokenizer): Token[] {
  return place(answer, ids, tokenizer, [{ part: 'answer', start: 0, end: answer.length }])
}

/**
 * Finds each token in the text, from where the last one ended: letters are compared without case and accents, since some
 * tokenizers drop both. A token that is not found, such as one byte of a character, has no place and is a mark, unless it lies
 * inside a part.
 */
function place(text: string, ids: readonly number[], tokenizer: Tokenizer, sections: readonly Section[]): Token[] {
  const { folded, at } = fold(text)
  let cursor = 0
  return ids.map((id): Token => {
    const spelled = tokenText(id, tokenizer)
    const wanted = fold(spelled.trim()).folded
    const found = wanted === '' ? -1 : folded.indexOf(wanted, cursor)
    const near = found >= 0 && /^\s*$/.test(folded.slice(cursor, found))
    if (!near) return { id, text: spelled, part: 'mark', start: 0, end: 0 }
    const [start, end] = [at[found], at[found + wanted.length]]
    cursor = found + wanted.length
    const section = sections.find((section) => start >= section.start && end <= section.end)
    if (!section) return { id, text: spelled, part: 'mark', start: 0, end: 0 }
    return { id, text: spelled, part: section.part, start: start - section.start, end: end - section.start }
  })
}

/** Lower case without accents, and for each of its characters, and its end, the place in the original. */
function fold(text: string): { folded: string; at: number[] } {
  let folded = ''
  const at: number[] = []
  let start = 0
  for (const character of text) {
    const plain = character
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '')
      .toLowerCase()
    for (let i = 0; i < plain.length; i++) at.push(start)
    folded += plain
    start += character.length
  }
  at.push(start)
  return { folded, at }
}
