/**
 * A text as the tokens that a model reads, each with its id. Pieces of one word stand joined.
 */
import type { Token } from '../protocol.js'
import { tokenText } from './format.js'

export interface TokenRowProps {
  readonly tokens: readonly Token[]
  readonly label: string
}

export function TokenRow({ tokens, label }: TokenRowProps) {
  return (
    <ol class="tokens" aria-label={label}>
      {tokens.map((token, i) => (
        <li key={i} class={`token ${token.part}${goesOnWithWord(tokens, i) ? ' joined' : ''}`}>
          <span class="piece">{tokenText(token.text)}</span>
          <span class="id">{token.id}</span>
        </li>
      ))}
    </ol>
  )
}

/** Whether a token goes on with the word of the token before it. */
export function goesOnWithWord(tokens: readonly Token[], place: number): boolean {
  const [before, token] = [tokens[place - 1], tokens[place]]
  const isWord = (text: string) => /^[\p{L}\p{N}]+$/u.test(text.trim())
  return (
    before?.part === token.part &&
    token.part !== 'mark' &&
    before.end === token.start &&
    isWord(before.text) &&
    isWord(token.text)
  )
}
