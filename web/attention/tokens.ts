/**
 * How a token is written on a label and how it is said aloud. Tokens carry their leading space; a label leaves it out, and a token of
 * nothing but white space gets a sign.
 */
import type { Token } from '../protocol.js'

/** As it stands on a label. */
export function tokenLabel({ text }: Pick<Token, 'text'>): string {
  const word = text.trim()
  if (word !== '') return word
  if (text.includes('\n')) return '⏎'
  return text === '' ? '∅' : '␣'
}

/** As a screen reader should say it. */
export function tokenName({ text }: Pick<Token, 'text'>): string {
  const word = text.trim()
  if (word !== '') return word
  if (text.includes('\n')) return 'line break'
  return text === '' ? 'empty token' : 'space'
}
