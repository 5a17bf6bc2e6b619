/**
 * Logits processors: rules that make tokens more or less likely, or impossible, before one is chosen. They run in the order in which
 * transformers runs them, since some change what others see.
 */
import type { LogitsProcessor } from './options.js'
import type { Settings } from './settings.js'

/** The processors that the settings ask for, but for those of sampling. @param source what an encoder read, by input */
export function logitsProcessors(settings: Settings, source?: readonly (readonly number[])[]): LogitsProcessor[] {
  const { eosTokenIds, promptLength, minLength, maxLength, forcedBosTokenId, forcedEosTokenId } = settings
  const list: LogitsProcessor[] = []
  const { encoderRepetitionPenalty, repetitionPenalty } = settings
  if (source && encoderRepetitionPenalty && encoderRepetitionPenalty !== 1) {
    const penalize = repetition(1 / encoderRepetitionPenalty)
    list.push((scores, _, input) => penalize(scores, source[input], input))
  }
  if (repetitionPenalty && repetitionPenalty !== 1) list.push(repetition(repetitionPenalty))
  const { noRepeatNgramSize, encoderNoRepeatNgramSize } = settings
  if (noRepeatNgramSize) {
    list.push((scores, sequence) => banRepeats(scores, sequence, sequence, noRepeatNgramSize))
  }
  if (source && encoderNoRepeatNgramSize) {
    list.push((scores, sequence, input) => banRepeats(scores, sequence, source[input], encoderNoRepeatNgramSize))
  }
  if (settings.badWordsIds) list.push(badWords(settings.badWordsIds, eosTokenIds))
  if (minLength > promptLength) {
    list.push((scores, { length }) => {
      if (length < minLength) ban(scores, eosTokenIds)
    })
  }
  if (forcedBosTokenId !== undefined) {
    list.push((scores, { length }) => {
      if (length === 1) force(scores, [forcedBosTokenId])
    })
  }
  if (forcedEosTokenId !== undefined) {
    list.push((scores, { length }) => {
      if (length === maxLength - 1) force(scores, [forcedEosTokenId].flat())
    })
  }
  const { suppressTokens, beginSuppressTokens } = settings
  if (suppressTokens) list.push((scores) => ban(scores, suppressTokens))
  if (beginSuppressTokens) {
    // The first token that the model is free to choose: after a forced one, the second.
    const begin = promptLength + (promptLength === 1 && forcedBosTokenId !== undefined ? 1 : 0)
    list.push((scores, { length }) => {
      if (length === begin) ban(scores, beginSuppressTokens)
    })
  }
  return [...list, ...(settings.logitsProcessors ?? [])]
}

/** Divides positive scores of tokens that occur, and multiplies negative ones (Keskar et al. 2019, https://arxiv.org/abs/1909.05858). */
function repetition(penalty: number): LogitsProcessor {
  return (scores, sequence) => {
    for (const id of new Set(sequence)) scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty
  }
}

/** Bans each token that would repeat n tokens of `text`: one that follows, there, the last n - 1 tokens of the sequence. */
function banRepeats(scores: Float32Array, sequence: readonly number[], text: readonly number[], n: number): void {
  const from = sequence.length - (n - 1)
  if (from < 0) return
  for (let at = 0; at + n <= text.length; at++) {
    let i = 0
    while (i < n - 1 && text[at + i] === sequence[from + i]) i++
    if (i === n - 1) scores[text[at + i]] = -Infinity
  }
}

function badWords(words: readonly (readonly number[])[], eosTokenIds: readonly number[]): LogitsProcessor {
  const banned = words.filter((word) => !(word.length === 1 && eosTokenIds.includes(word[0])))
  return (scores, sequence) => {
    for (const word of banned) {
      const before = word.slice(0, -1)
      // As in transformers, a word counts only once the sequence is as long as the word.
      if (before.length > 0 && word.length > sequence.length) continue
      if (before.every((id, i) => sequence[sequence.length - before.length + i] === id)) ban(scores, word.slice(-1))
    }
  }
}

function ban(scores: Float32Array, ids: readonly number[]): void {
  for (const id of ids) scores[id] = -Infinity
}

function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(-Infinity)
  for (const id of ids) scores[id] = 0
}
