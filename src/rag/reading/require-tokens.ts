/**
 * The length of a question in a model's own tokens, which is looked at before anything is computed.
 */
import { InputError } from '../../errors.js'
import type { Tokenizer } from '../../tokenizer/index.js'

/** Characters that are read for each token that fits, and no more. */
const CHARACTERS_PER_TOKEN = 25

/**
 * @param most tokens that a question may have, special ones included
 * @param limit says so, for the message
 * @param pair the text behind it, where there is one
 * @returns how many it has
 * @throws InputError `too-long` with both lengths
 */
export function requireTokens(
  tokenizer: Tokenizer,
  question: string,
  most: number,
  limit: string,
  pair?: string,
): number {
  if (question.length > most * CHARACTERS_PER_TOKEN) throw tooLong(`${question.length} characters`, limit)
  const { length } = tokenizer.encode(question, { pair }).ids
  if (length > most) throw tooLong(`${length} tokens with the special ones`, limit)
  return length
}

function tooLong(length: string, limit: string): InputError {
  return new InputError('too-long', `the question has ${length}, and ${limit}; shorten it`)
}
