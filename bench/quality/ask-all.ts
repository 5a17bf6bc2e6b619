/**
 * Puts questions to a pipeline and notes what came of each.
 */
import { ABSTENTION, type Passage, type RetrievedPassage } from '../../src/rag/index.js'
import { foundAt, holds, normalise, RANKS, type Outcome } from './measures.js'

export interface QualityQuestion {
  readonly question: string
  /** Whether a passage holds the answer; undefined where no passage does, and the right answer is to abstain. */
  readonly isRight: ((passage: Passage) => boolean) | undefined
  /** Texts that are right; a longer one that holds one of them is counted apart. */
  readonly answers: readonly string[]
}

/** What is looked at of an answer. A decoder-only model's has no probability of being answerable. */
export interface Reply {
  readonly text: string
  /** p(right), as the reader says. */
  readonly probability: number
  readonly kind?: string
  readonly pAnswerable?: number
  readonly passages: readonly (Passage & { readonly posterior?: number })[]
  /** Of a reader that quotes. */
  readonly quotes?: { readonly spans: readonly { readonly text: string }[] }
}

export interface Asking {
  readonly ask: (question: string) => Promise<Reply>
  /** The retriever that the pipeline has. */
  readonly retriever: { retrieve(question: string, k: number): Promise<readonly RetrievedPassage[]> }
  readonly onProgress: (done: number, total: number) => void
}

export async function askAll(
  questions: readonly (QualityQuestion & { readonly part?: string })[],
  { ask, retriever, onProgress }: Asking,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { question, isRight = () => false, answers, part } of questions) {
    const found = await retriever.retrieve(question, Math.max(...RANKS))
    const start = performance.now()
    const { text, probability, kind, pAnswerable, passages, quotes } = await ask(question)
    const seconds = (performance.now() - start) / 1000
    const abstained = normalise(text).startsWith(normalise(ABSTENTION)) // a decoder-only model may go on
    const likeliest = passages.reduce((best, passage) =>
      (passage.posterior ?? 0) > (best.posterior ?? 0) ? passage : best,
    )
    outcomes.push({
      question,
      part,
      answerable: answers.length > 0,
      rank: foundAt(found, isRight),
      text,
      kind: abstained ? 'refused' : (kind ?? 'said'),
      abstained,
      probability,
      exact: !abstained && answers.some((answer) => normalise(answer) === normalise(text)),
      holds: !abstained && answers.some((answer) => holds(text, answer)),
      spanHolds: quotes?.spans.slice(0, 1).some((span) => answers.some((answer) => holds(span.text, answer))),
      pAnswerable,
      posterior: likeliest.posterior,
      posteriorRight: isRight(likeliest),
      seconds,
    })
    onProgress(outcomes.length, questions.length)
  }
  return outcomes
}
