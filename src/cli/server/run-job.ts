/**
 * What the pipeline makes of a question: the answer, or the passages that one would be read from.
 */
import { citation, withPlaces } from '../citation.js'
import type { Pipeline } from '../pipeline.js'
import type { Job, JobOptions } from './answers.js'
import type { AskRequest } from './ask-request.js'

/** What the client gets, before it is JSON. @throws what `Rag.ask` throws */
export function runJob(pipeline: Pipeline, { kind, asked, streams }: Job, options: JobOptions): Promise<object> {
  const { signal, onText } = options
  if (kind === 'search') return search(pipeline, asked, signal)
  return answer(pipeline, asked, signal, streams ? onText : undefined)
}

/**
 * The text of a decoder-only model is the answer's; what an encoder-decoder writes first is what the best passage alone answers, and in the
 * end another answer may be given, or a quote.
 */
async function answer(
  pipeline: Pipeline,
  { question, topK, filter, mode, sources, minProbability = pipeline.minProbability }: AskRequest,
  signal: AbortSignal,
  onText: JobOptions['onText'] | undefined,
): Promise<object> {
  const common = { topK, filter, minProbability, signal }
  if (pipeline.kind === 'prompt') return pipeline.rag.ask(question, { ...common, cite: true, onText })
  return withPlaces(
    pipeline.kind === 'quoting'
      ? await pipeline.rag.ask(question, common)
      : await pipeline.rag.ask(question, { ...common, mode, sources, onText }),
  )
}

async function search(
  { rag, stages }: Pipeline,
  { question, topK, filter }: AskRequest,
  signal: AbortSignal,
): Promise<object> {
  const passages = await rag.retrieve(question, { topK, filter, signal })
  return { question, stages, passages: passages.map((passage) => ({ ...passage, citation: citation(passage) })) }
}
