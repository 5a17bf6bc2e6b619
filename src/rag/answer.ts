/**
 * What an answer consists of.
 */
import type { RetrievedPassage } from './retriever.js'

/** How passages are mixed into one answer; see {@link AskOptions.mode}. */
export type RagMode = 'conditioned' | 'rag-sequence' | 'rag-token'

export interface AnswerPassage extends RetrievedPassage {
  /** p(passage|question): softmax of the scaled scores. */
  readonly prior: number
  /** p("I don't know."|question, passage). */
  readonly pAbstain: number
  /** How far the passage stands behind the answer: p(passage|question, answer). */
  readonly posterior: number
  /** What the reader answers from this passage alone. */
  readonly answer: string
}

export interface AnswerToken {
  readonly id: number
  /** The part of the answer's text that this token adds; '' for the end token. The parts join to the answer. */
  readonly text: string
  /** ln p(token|question, tokens before), under the mixture of the passages. The sum is the answer's logProb. */
  readonly logProb: number
  /** For each passage, how far it stands behind the answer up to this token (RAG-Token: behind this token). Sums to 1. */
  readonly posterior: readonly number[]
}

/** A text that was weighed against the others. */
export interface Candidate {
  readonly text: string
  /** ln p(text|question) under the mixture that decided. */
  readonly logProb: number
  /** ln p(text|question, passage), the end included; one for each passage. */
  readonly logLikelihoods: readonly number[]
}

export interface Answer {
  readonly question: string
  readonly text: string
  readonly mode: RagMode
  /** Whether the answer is that the passages do not tell. */
  readonly abstained: boolean
  /** p(some passage answers the question). */
  readonly pAnswerable: number
  /** ln p(answer|question), the end included. */
  readonly logProb: number
  /** Best first, in the order of their scores. */
  readonly passages: readonly AnswerPassage[]
  readonly tokens: readonly AnswerToken[]
  readonly candidates: readonly Candidate[]
}
