/**
 * What is known of a worded answer when it is found, and what its probability of being right is made of (calibration.ts). For quotes see
 * quote-ranking.ts.
 */
import type { WrittenToken } from '../../models/write.js'
import { passageText } from '../finding/corpus.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import type { Proposal } from './marginal-answer.js'
import type { SpanAnswer } from './span-answer.js'
import { contentWords, shareIn } from './word-overlap.js'

/** What a calibration may weigh, by name: of an answer that a reader words alone, with another that checks it, or from one prompt. */
export const PROPOSAL_SIGNALS = ['logit', 'answerable', 'similarity'] as const
export const CHECKED_SIGNALS = [...PROPOSAL_SIGNALS, 'span', 'agreement', 'supported', 'overlap'] as const
export const PROMPT_SIGNALS = ['logit', 'similarity', 'supported'] as const

export type SignalsOf<Names extends readonly string[]> = Readonly<Record<Names[number], number>>

/** Of an answer that a reader words. */
export function proposalSignals(
  proposal: Proposal,
  passages: readonly RetrievedPassage[],
): SignalsOf<typeof PROPOSAL_SIGNALS> {
  return {
    /** Log-odds of the answer's own probability, that of all its tokens and its end: what is made up is unlikely to itself. */
    logit: logit(Math.exp(proposal.logProb)),
    /** Log-odds of some passage answering. */
    answerable: logit(proposal.pAnswerable),
    /** Dot product of the question and the passage that stands most behind the answer. */
    similarity: passages[proposal.passage].score,
  }
}

/** Of an answer that a reader words, where another has looked for the answer in the same passages. */
export function checkedSignals(
  proposal: Proposal,
  question: string,
  passages: readonly RetrievedPassage[],
  { pNoAnswer, spans }: SpanAnswer,
): SignalsOf<typeof CHECKED_SIGNALS> {
  const passage = passages[proposal.passage]
  const read = passageText(passage)
  const said = contentWords(proposal.text)
  const [best] = spans as readonly (SpanAnswer['spans'][number] | undefined)[]
  return {
    ...proposalSignals(proposal, passages),
    /** Log-odds of there being a span that answers. */
    span: logit(1 - pNoAnswer),
    /** 1 where the answer has all words of the best span, else 0. */
    agreement: best && shareIn(contentWords(best.text), proposal.text) === 1 ? 1 : 0,
    /** Share of the answer's words that stand in the passage or in the question. */
    supported: shareIn(said, `${read} ${question}`),
    /** Share of the question's words that the passage has. */
    overlap: shareIn(contentWords(question), read),
  }
}

/** Of an answer that a decoder-only model writes, having read all passages at once. @param passages those in the prompt, best first */
export function promptSignals(
  text: string,
  tokens: readonly WrittenToken[],
  question: string,
  passages: readonly RetrievedPassage[],
): SignalsOf<typeof PROMPT_SIGNALS> {
  const logProb = tokens.reduce((sum, token) => sum + token.logProb, 0)
  const read = passages.map(passageText).join(' ')
  return {
    /** Log-odds of the geometric mean of its tokens' probabilities: that of the whole would fall with its length. */
    logit: logit(Math.exp(logProb / tokens.length)),
    /** Dot product of the question and the best passage. */
    similarity: passages[0].score,
    /** Share of the answer's words that stand in a passage or in the question. */
    supported: shareIn(contentWords(text), `${read} ${question}`),
  }
}

/** Log-odds; of what is nearly sure, as much as float32 can tell. */
export function logit(probability: number): number {
  const p = Math.min(1 - 1e-6, Math.max(1e-6, probability))
  return Math.log(p / (1 - p))
}
