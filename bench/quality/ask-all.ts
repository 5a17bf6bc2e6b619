/**
 * Puts questions to a pipeline and notes what came of each.
 */
import type { Passage, Rag, RetrievedPassage } from '../../src/rag/index.js'
import { holds, normalise, RANKS, type Outcome } from './measures.js'

export interface QualityQuestion {
  readonly question: string
  /** Whether a passage holds the answer; undefined where no passage does, and the right answer is to abstain. */
  readonly isRight: ((passage: Passage) => boolean) | undefined
  /** Texts that are right; a longer one that holds one of them is counted apart. */
  readonly answers: readonly string[]
}

export interface Asking {
  readonly rag: Rag
  /** The retriever that the pipeline has. */
  readonly retriever: { retrieve(question: string, k: number): Promise<readonly RetrievedPassage[]> }
  readonly onProgress: (done: number, total: number) => void
}

export async function askAll(
  questions: readonly QualityQuestion[],
  { rag, retriever, onProgress }: Asking,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { question, isRight = () => false, answers } of questions) {
    const found = await retriever.retrieve(question, Math.max(...RANKS))
    const place = found.findIndex(isRight)
    const { text, abstained, pAnswerable, passages } = await rag.ask(question)
    const likeliest = passages.reduce((best, passage) => (passage.posterior > best.posterior ? passage : best))
    outcomes.push({
      question,
      answerable: answers.length > 0,
      rank: place < 0 ? undefined : place + 1,
      text,
      abstained,
      exact: !abstained && answers.some((answer) => normalise(answer) === normalise(text)),
      holds: !abstained && answers.some((answer) => holds(text, answer)),
      pAnswerable,
      posterior: likeliest.posterior,
      posteriorRight: isRight(likeliest),
    })
    onProgress(outcomes.length, questions.length)
  }
  return outcomes
}
