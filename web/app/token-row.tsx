/**
 * A text as the tokens that a model reads, each with its id.
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
        <li key={i} class={`token ${token.part}`}>
          <span class="piece">{tokenText(token.text)}</span>
          <span class="id">{token.id}</span>
        </li>
      ))}
    </ol>
  )
}
