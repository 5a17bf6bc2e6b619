/**
 * The default model and corpus of weights/, as tests use them.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DEFAULT_WEIGHTS } from '../../src/shipped-files.js'
import { parseCorpus, type Passage } from '../../src/rag/index.js'

/** Path of a file or folder under weights/. */
export function weightsPath(...parts: string[]): string {
  return fileURLToPath(new URL(parts.join('/'), DEFAULT_WEIGHTS))
}

const corpus = weightsPath('world-facts/passages.jsonl')

export const WORLD_FACTS: readonly Passage[] = parseCorpus(readFileSync(corpus, 'utf8'), corpus)
