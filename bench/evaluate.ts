/**
 * Asks questions whose answers are known, and counts: how often the right passage is found, how often the answer is right to the letter,
 * and how well the pipeline knows when to abstain.
 */
import type { Answer, AskOptions, Rag } from '../src/rag/index.js'
import type { EvalQuestion, QuestionKind } from './questions.js'

/** What was asked and what came back. */
export interface Asked {
  readonly asked: EvalQuestion
  readonly text: string
  readonly abstained: boolean
  /** Place of the right passage among those found, from 1; undefined when it is not among them. */
  readonly rank: number | undefined
}

export interface Report {
  readonly questions: number
  readonly answerable: number
  /** Share of the answerable questions whose passage is the first, or one of the first five. */
  readonly recallAt1: number
  readonly recallAt5: number
  /** Share of the answerable questions that are answered with one of the right sentences, letter by letter. */
  readonly exactMatch: number
  /** Of the questions on which the pipeline abstained, the share that cannot be answered. */
  readonly abstentionPrecision: number
  /** Of the questions that cannot be answered, the share on which it abstained. */
  readonly abstentionRecall: number
  /** For each kind, questions asked and questions on which the pipeline did the right thing. */
  readonly kinds: readonly { readonly kind: QuestionKind; readonly asked: number; readonly right: number }[]
}

/** Asks one after the other. */
export async function askAll(
  rag: { ask(question: string, options?: AskOptions): Promise<Answer> },
  questions: readonly EvalQuestion[],
  onProgress?: (done: number, total: number) => void,
): Promise<Asked[]> {
  const results: Asked[] = []
  for (const asked of questions) {
    const { text, abstained, passages } = await rag.ask(asked.question, { topK: 5 })
    const place = passages.findIndex(({ id }) => id === asked.passage)
    results.push({ asked, text, abstained, rank: place < 0 ? undefined : place + 1 })
    onProgress?.(results.length, questions.length)
  }
  return results
}

/** How far a pipeline with rounded weights agrees with the exact one. */
export interface Agreement {
  /** Questions to which both give the same text. */
  readonly sameAnswers: number
  /** Cosine of the two vectors of a question. */
  readonly meanCosine: number
  readonly leastCosine: number
}

/** Asks the exact pipeline what the other was asked, and compares answers and vectors of the questions. */
export async function agree(
  rounded: Rag,
  exact: Rag,
  results: readonly Asked[],
  onProgress?: (done: number, total: number) => void,
): Promise<Agreement> {
  const questions = results.map(({ asked }) => asked)
  const expected = await askAll(exact, questions, onProgress)
  const texts = questions.map(({ question }) => question)
  const [a, b] = [await rounded.encoder.embed(texts), await exact.encoder.embed(texts)]
  const width = exact.encoder.dimension
  const cosines = texts.map((_, i) => {
    let dot = 0 // of vectors of length 1
    for (let d = i * width; d < (i + 1) * width; d++) dot += a[d] * b[d]
    return dot
  })
  return {
    sameAnswers: expected.filter(({ text }, i) => text === results[i].text).length,
    meanCosine: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    leastCosine: Math.min(...cosines),
  }
}

/** Whether the pipeline did the right thing: gave a right sentence, or abstained where there is none. */
export function isRight({ asked, text, abstained }: Asked): boolean {
  return asked.answers.length === 0 ? abstained : asked.answers.includes(text)
}

/** Shares are NaN where nothing was asked that they count. */
export function report(results: readonly Asked[]): Report {
  const answerable = results.filter(({ asked }) => asked.answers.length > 0)
  const unanswerable = results.filter(({ asked }) => asked.answers.length === 0)
  const abstained = results.filter((result) => result.abstained)
  const kinds = [...new Set(results.map(({ asked }) => asked.kind))].map((kind) => {
    const ofKind = results.filter(({ asked }) => asked.kind === kind)
    return { kind, asked: ofKind.length, right: ofKind.filter(isRight).length }
  })
  return {
    questions: results.length,
    answerable: answerable.length,
    recallAt1: share(answerable, ({ rank }) => rank === 1),
    recallAt5: share(answerable, ({ rank }) => rank !== undefined && rank <= 5),
    exactMatch: share(answerable, isRight),
    abstentionPrecision: share(abstained, ({ asked }) => asked.answers.length === 0),
    abstentionRecall: share(unanswerable, (result) => result.abstained),
    kinds,
  }
}

function share(results: readonly Asked[], counts: (result: Asked) => boolean): number {
  return results.filter(counts).length / results.length
}
