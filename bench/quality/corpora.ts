/**
 * The corpora that answers are measured on, each with its questions and the default pipeline over it: the facts of the package, the project's own
 * documentation, and chapters of two manuals. `part` parts the questions: what is learnt from `tuning` is reported on `held-out`.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HybridStore, parseCorpus, StoreRetriever, type FlatFileStore, type Rag } from '../../src/rag/index.js'
import { DEFAULT_WEIGHTS } from '../../src/shipped-files.js'
import { writeQuestions } from '../questions.js'
import type { Asking, QualityQuestion } from './ask-all.js'
import { documentationQuestions, indexDocumentation } from './documentation.js'
import { indexManuals, manualQuestions } from './manuals.js'

export interface CorpusQuestion extends QualityQuestion {
  readonly part: 'tuning' | 'held-out'
}

export interface Corpus extends Pick<Asking, 'retriever'> {
  readonly name: string
  readonly questions: readonly CorpusQuestion[]
}

/**
 * One after the other, each as what the pipeline answers from; it is closed when the next one is asked for.
 * @param folder for indexes that are thrown away
 * @param limit questions about each; all unless told
 */
export async function* openCorpora(
  rag: Pick<Rag, 'encoder' | 'retriever' | 'use'>,
  folder: string,
  limit?: number,
): AsyncGenerator<Corpus> {
  const facts = halves(await worldQuestions()).slice(0, limit)
  yield { name: 'world-facts', questions: facts, retriever: await rag.retriever() }
  const own = await documentationQuestions()
  yield* overIndex('documentation', halves(own).slice(0, limit), (path) => indexDocumentation(own, rag.encoder, path))
  const manuals = await manualQuestions()
  yield* overIndex('manuals', manuals.slice(0, limit), (path) => indexManuals(rag.encoder, path))

  async function* overIndex(
    name: string,
    questions: readonly CorpusQuestion[],
    index: (path: string) => Promise<FlatFileStore>,
  ): AsyncGenerator<Corpus> {
    const store = await index(join(folder, `${name}.index`))
    try {
      const retriever = await StoreRetriever.open(rag.encoder, new HybridStore(store))
      rag.use(retriever)
      yield { name, questions, retriever }
    } finally {
      await store.close()
    }
  }
}

/** Every other question is for tuning. */
function halves(questions: readonly QualityQuestion[]): CorpusQuestion[] {
  return questions.map((question, i) => ({ ...question, part: i % 2 === 0 ? 'tuning' : 'held-out' }))
}

export async function worldQuestions(): Promise<QualityQuestion[]> {
  const corpus = fileURLToPath(new URL('world-facts/passages.jsonl', DEFAULT_WEIGHTS))
  return writeQuestions(parseCorpus(await readFile(corpus, 'utf8'), corpus)).map(({ question, passage, answers }) => ({
    question,
    answers,
    isRight: passage === undefined ? undefined : ({ id }) => id === passage,
  }))
}
