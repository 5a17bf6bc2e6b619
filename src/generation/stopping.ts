/**
 * When a sequence ends: with an end token, at the greatest length, or when its new text holds a stop string.
 */
import type { Settings } from './settings.js'

/** @param sequence tokens of one row with its prompt; the last one is new */
export type HasEnded = (sequence: readonly number[]) => boolean

export function stopping({ eosTokenIds, maxLength, promptLength, stopStrings, tokenizer }: Settings): HasEnded {
  const bytes = Math.max(0, ...stopStrings.map((text) => new TextEncoder().encode(text).length))
  // A token holds a byte or more, but for special ones: the string that has just been completed lies in these last tokens.
  const window = 2 * bytes + 16
  return (sequence) => {
    if (sequence.length >= maxLength || eosTokenIds.includes(sequence.at(-1)!)) return true
    if (stopStrings.length === 0) return false
    const text = tokenizer!.decode(sequence.slice(Math.max(promptLength, sequence.length - window)))
    return stopStrings.some((stop) => text.includes(stop))
  }
}
