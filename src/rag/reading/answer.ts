/**
 * What an answer consists of.
 */
import type { WrittenToken } from '../../models/write.js'
import type { TextSpan } from '../../tokenizer/index.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import type { SpanAnswer } from './span-answer.js'

/** What the reader says when the passage does not hold the answer. */
export const ABSTENTION = "I don't know."

/** How passages are mixed into one answer; see {@link ReadOptions.mode}. */
export type RagMode = 'conditioned' | 'rag-sequence' | 'rag-token'

export interface AnswerPassage extends RetrievedPassage {
  /** Characters of the text that were read, from its beginning, where all of it is more than the reader takes. */
  readonly readTo?: number
  /** p(passage|question): softmax of the scaled scores. */
  readonly prior: number
  /** p("I don't know."|question, passage). */
  readonly pAbstain: number
  /** Its share of the mixture before a token of the answer was seen: the prior, or in `conditioned` what abstaining left of it. */
  readonly weight: number
  /** How far the passage stands behind the answer: p(passage|question, answer). */
  readonly posterior: number
  /** What the reader answers from this passage alone. */
  readonly answer: string
}

/** A word that was read: of a passage, or of the question. */
export type Source = WordOfPassage | WordOfQuestion

interface Weighed extends TextSpan {
  /** The share of the decoder's attention that the word got: posterior of the passage x mean over heads and layers. */
  readonly weight: number
}

export interface WordOfPassage extends Weighed {
  readonly field: 'title' | 'text'
  /** Place of the passage among the answer's. `passages[passage][field].slice(start, end)` is the word. */
  readonly passage: number
}

/** The question is read with each passage; the weight is the sum over them. */
export interface WordOfQuestion extends Weighed {
  readonly field: 'question'
  readonly passage?: undefined
}

export interface AnswerToken {
  readonly id: number
  /** The part of the answer's text that this token adds; '' for the end token. The parts join to the answer. */
  readonly text: string
  /** ln p(token|question, tokens before), under the mixture of the passages. The sum is the answer's logProb. */
  readonly logProb: number
  /**
   * For each passage, how far it stands behind the answer: p(z|x, y_<=t) under RAG-Sequence, this token and those before together;
   * p(z|x, y_<t, y_t) under RAG-Token, which draws a passage anew for each token. Exact in both models. Under `conditioned` it is that of
   * RAG-Sequence from the prior p(z|x) (1 - p(abstain|x, z)), renormalised, and from p(z|x) where the answer is to abstain. Sums to 1.
   */
  readonly posterior: readonly number[]
  /** The words that the token came from, the weightiest first; with `sources`. */
  readonly sources?: readonly Source[]
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
  /** Whether the reader worded the text, or quoted a passage, or refused to answer since it was not sure enough. */
  readonly kind: 'said' | 'quoted' | 'refused'
  /** Whether the answer is that the passages do not tell: the kind `refused`. */
  readonly abstained: boolean
  /**
   * p(right), calibrated: of an answer that is given, and where it was refused, of the best that was not given. With the modes of the paper,
   * which refuse nothing for it, the answer's own probability.
   */
  readonly probability: number
  /** p(some passage answers the question). */
  readonly pAnswerable: number
  /** ln p(answer|question), the end included. */
  readonly logProb: number
  /** Best first, in the order of their scores. */
  readonly passages: readonly AnswerPassage[]
  /** None for a quote, which nobody wrote: see {@link quotes}. */
  readonly tokens: readonly AnswerToken[]
  readonly candidates: readonly Candidate[]
  /** What a {@link SpanReader} found in the same passages, where the reader has one. */
  readonly quotes?: SpanAnswer
  /** What a reader that words and quotes decided by. */
  readonly judged?: Judged
}

/** A worded answer and a quote, each with its probability of being right: the likelier is given, if it is likely enough. */
export interface Judged {
  /** The best answer to the passages, or to the quote alone. Undefined where no passage seemed to answer; `said` is 0 then. */
  readonly worded: string | undefined
  readonly said: number
  /** 0 where there is no quote. */
  readonly quoted: number
  /** The least that is given. */
  readonly minProbability: number
  /** From this on a worded answer is given even where the quote is likelier. */
  readonly preferSaid: number
}

/** A passage as a decoder-only model reads it, among the others in one prompt. */
export interface PromptPassage extends RetrievedPassage {
  /** p(passage|question): softmax of the scaled scores. */
  readonly prior: number
  /**
   * How far the passage stands behind the answer: p(passage|question, answer) by Bayes' rule, from how likely the answer is with this
   * passage alone in the prompt. Sums to 1 over what was read; with `cite`.
   */
  readonly posterior?: number
}

/**
 * The answer of a decoder-only model. It has read all passages in one prompt, so there is one distribution and not one for each
 * passage: unlike an {@link Answer}, it has no candidates and no probability of abstaining, and a posterior only where each
 * passage was read again by itself.
 */
export interface PromptAnswer {
  readonly question: string
  /** What the model wrote, or that it does not know. */
  readonly text: string
  readonly mode: 'prompt'
  /** Whether the text is given, or refused: by the model itself, or since it was not sure enough. */
  readonly kind: 'said' | 'refused'
  /** Whether the answer is that the passages do not tell: the kind `refused`. */
  readonly abstained: boolean
  /** p(what the model wrote is right), by {@link PromptReader.calibration}; 0 where it wrote itself that it does not know. */
  readonly probability: number
  /** What the model wrote: the text, unless that was refused. Tokens, logProb and posteriors are of this. */
  readonly written: string
  /** What the model was given to go on from, as text. */
  readonly prompt: string
  /** ln p(written|prompt), the end included. */
  readonly logProb: number
  /** False where maxNewTokens cut the answer off. */
  readonly ended: boolean
  /** What stands in the prompt, best first: the first one is number 1 there. */
  readonly passages: readonly PromptPassage[]
  /** What was found and did not fit into the model's context. */
  readonly leftOut: readonly PromptPassage[]
  /** Turns of the history, from the oldest on, for which there was no room. */
  readonly forgotten: number
  readonly tokens: readonly WrittenToken[]
}
