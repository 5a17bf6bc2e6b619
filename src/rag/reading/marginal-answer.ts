/**
 * One answer from those that each passage gives by itself: all are scored under every passage, and the mathematics of
 * paper/marginalise.ts weighs them.
 */
import { tokenTexts } from '../../models/write.js'
import type { Tokenizer } from '../../tokenizer/index.js'
import {
  conditionOnAnswering,
  marginal,
  mixSequence,
  mixTokens,
  normalizeLog,
  type MixedToken,
} from '../paper/marginalise.js'
import { ABSTENTION, type Answer, type Candidate, type RagMode } from './answer.js'
import type { WeighedPassage } from './passage-reader.js'
import type { MeanCrossAttention, Provenance } from './provenance.js'
import type { AnswersOptions, Reading } from './reading.js'

/** A question read with its passages. */
export interface Read {
  readonly question: string
  readonly passages: readonly WeighedPassage[]
  readonly reading: Reading
  readonly tokenizer: Tokenizer
  /** Given where the sources of each token are asked for. */
  readonly provenance: Provenance | undefined
}

/** The best answer that is not to abstain, before it is decided whether it is given. */
export interface Proposal {
  readonly text: string
  readonly logProb: number
  readonly pAnswerable: number
  /** Place of the passage that stands most behind it. */
  readonly passage: number
}

export interface MarginalOptions extends AnswersOptions {
  readonly mode: RagMode
  /** Asked in the mode `conditioned`: whether an answer is given. */
  readonly accept: (proposal: Proposal) => boolean
}

/** A candidate with its ids and the log-likelihood of each token under each passage. */
interface Scored {
  readonly ids: readonly number[]
  readonly text: string
  /** [passage][token] */
  readonly tokenLogProbs: readonly (readonly number[])[]
  /** [passage] */
  readonly logLikelihoods: readonly number[]
  /** Where the decoder looked; where sources are asked for. */
  readonly attention: MeanCrossAttention | undefined
}

/** The answer, with all that it was decided by. */
export async function marginalAnswer(
  { question, passages, reading, tokenizer, provenance }: Read,
  { mode, accept, onText, ...options }: MarginalOptions,
): Promise<Omit<Answer, 'probability'>> {
  const priors = passages.map(({ logPrior }) => logPrior)
  const own = await reading.answers({ onText, ...options })
  const { hooks = [], signal } = options
  const scoreIds = async (ids: readonly number[]): Promise<Scored> => {
    const attention = provenance?.watch()
    const watched = attention ? [hooks, attention.hooks] : hooks
    const tokenLogProbs = await reading.score(ids, { hooks: watched, signal })
    const logLikelihoods = tokenLogProbs.map((row) => row.reduce((sum, logProb) => sum + logProb, 0))
    return { ids, text: tokenizer.decode(ids), tokenLogProbs, logLikelihoods, attention }
  }

  const texts = new Set([...own.map(({ text }) => text), ABSTENTION])
  const scored: Scored[] = []
  for (const text of texts) scored.push(await scoreIds(tokenizer.encode(text).ids))
  const abstention =
    scored.at(-1)!.text === ABSTENTION ? scored.at(-1)! : scored.find(({ text }) => text === ABSTENTION)!
  const pAbstain = abstention.logLikelihoods.map((logLikelihood) => Math.min(Math.exp(logLikelihood), 1 - 1e-9))
  const { logPosterior, pAnswerable } = conditionOnAnswering(priors, pAbstain)

  let chosen: Scored
  let tokens: MixedToken[]
  let weights: readonly number[] = priors
  if (mode === 'rag-token') {
    chosen = await scoreIds(await reading.answerByToken(priors, options))
    tokens = mixTokens(priors, chosen.tokenLogProbs)
  } else {
    if (mode === 'rag-sequence') chosen = mostProbable(scored, priors)
    else {
      const answers =
        pAnswerable >= 0.5 || options.mayAbstain === false ? scored.filter((candidate) => candidate !== abstention) : []
      const best = answers.length > 0 ? mostProbable(answers, logPosterior) : abstention
      const given = best !== abstention && accept(proposed(best, logPosterior, pAnswerable))
      chosen = given ? best : abstention
      if (given) weights = logPosterior
    }
    tokens = mixSequence(weights, chosen.tokenLogProbs)
  }

  const behind = normalizeLog(weights.map((weight, z) => weight + chosen.logLikelihoods[z]))
  const parts = tokenTexts(chosen.ids, tokenizer)
  const abstained = chosen.text === ABSTENTION
  return {
    question,
    text: chosen.text,
    mode,
    kind: abstained ? 'refused' : 'said',
    abstained,
    pAnswerable,
    logProb: tokens.reduce((sum, { logProb }) => sum + logProb, 0),
    passages: passages.map(({ logPrior, ...passage }, z) => ({
      ...passage,
      ...(reading.readTo[z] !== undefined && { readTo: reading.readTo[z] }),
      prior: Math.exp(logPrior),
      pAbstain: pAbstain[z],
      weight: Math.exp(weights[z]),
      posterior: Math.exp(behind[z]),
      answer: own[z].text,
    })),
    tokens: chosen.ids.map((id, t) => ({
      id,
      text: parts[t],
      ...tokens[t],
      ...(provenance && { sources: provenance.sources(chosen.attention!, t, tokens[t].posterior) }),
    })),
    candidates: scored.map(({ text, logLikelihoods }): Candidate => ({
      text,
      logLikelihoods,
      logProb: marginal(weights, logLikelihoods),
    })),
  }
}

function proposed({ text, logLikelihoods }: Scored, weights: readonly number[], pAnswerable: number): Proposal {
  const behind = weights.map((weight, z) => weight + logLikelihoods[z])
  const passage = behind.indexOf(Math.max(...behind))
  return { text, logProb: marginal(weights, logLikelihoods), pAnswerable, passage }
}

function mostProbable(candidates: readonly Scored[], weights: readonly number[]): Scored {
  const logProbs = candidates.map(({ logLikelihoods }) => marginal(weights, logLikelihoods))
  return candidates[logProbs.indexOf(Math.max(...logProbs))]
}
