/**
 * Answers without a thread of their own, from a pipeline that a test has opened with options that no command has.
 */
import type { Pipeline } from '../../src/cli/pipeline.js'
import type { Answers } from '../../src/cli/server/answers.js'
import { runJob } from '../../src/cli/server/run-job.js'

export function answersHere(pipeline: Pipeline): Answers {
  const { kind, rag, corpus, stages } = pipeline
  return {
    facts: { kind, encoder: rag.encoder.name, corpus, stages },
    status: 'ok',
    loadingMilliseconds: 0,
    run: async (job, options) => JSON.stringify(await runJob(pipeline, job, options)),
  }
}
