/**
 * Passages for the measurements of stores: texts of world-facts, with vectors made of pairs of real ones (by MiniLM) and noise, since vectors
 * at random have no neighbours to speak of. The same in every run.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeIndex, parseCorpus, type StoredDocument } from '../src/rag/index.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { Random } from './random.js'

export const DIMENSION = 384
const PASSAGES_PER_DOCUMENT = 100

const corpusFolder = fileURLToPath(new URL('world-facts', DEFAULT_WEIGHTS))
const corpus = parseCorpus(readFileSync(join(corpusFolder, 'passages.jsonl'), 'utf8'), 'world-facts')
const { index: real } = decodeIndex(new Uint8Array(readFileSync(join(corpusFolder, 'index.bin'))), 'world-facts')

/** Between two real vectors, and a little beside. */
function madeVector(random: Random): { readonly vector: Float32Array; readonly from: number } {
  const [from, other] = [random.below(real.count), random.below(real.count)]
  const share = 0.3 * random.next()
  const row = (r: number) => {
    const { vectors, scales } = real.rows(r, r + 1)
    return Float32Array.from(vectors, (value) => value * (scales?.[0] ?? 1))
  }
  const [a, b, noise] = [row(from), row(other), random.normals(DIMENSION, 0.02)]
  const sum = a.map((value, i) => (1 - share) * value + share * b[i] + noise[i])
  const length = Math.hypot(...sum)
  return { vector: sum.map((value) => value / length), from }
}

export function* madeDocuments(count: number): Generator<StoredDocument> {
  const random = new Random(1)
  for (let first = 0; first < count; first += PASSAGES_PER_DOCUMENT) {
    const passages = Array.from({ length: Math.min(PASSAGES_PER_DOCUMENT, count - first) }, (_, i) => {
      const { vector, from } = madeVector(random)
      const { title, text } = corpus[from]
      return { id: `p${first + i}`, title, text, vector }
    })
    yield { id: `d${first}`, hash: '', metadata: { part: (first / PASSAGES_PER_DOCUMENT) % 10 }, passages }
  }
}

export interface Question {
  readonly vector: Float32Array
  readonly text: string
}

export function madeQuestions(count: number): readonly Question[] {
  const random = new Random(2)
  return Array.from({ length: count }, () => {
    const { vector, from } = madeVector(random)
    return { vector, text: `What is ${corpus[from].title}?` }
  })
}
