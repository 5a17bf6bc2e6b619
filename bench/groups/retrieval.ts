/**
 * (e) Exact retrieval: the ten nearest of 100,000 vectors of 384 numbers, by dot product with every one of them. The vectors lie
 * in clusters, as embeddings of texts do, and so do the queries. An int8 scan finds those that may be among
 * them, whose exact products decide.
 */
import { compare, type Entrant, type Prepared, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PEERS_FOLDER } from '../peers/install.js'
import { Random } from '../random.js'
import { FlatIndex, IndexScan } from '../../src/rag/index.js'
import { bestBackend } from '../backend.js'

const DIMENSION = 384
const K = 10
/** Queries of one run. */
const TOGETHER = 16

interface Data {
  /** Row-major [count, DIMENSION], each of length 1. */
  readonly vectors: Float32Array
  readonly queries: Float32Array
}

/** Rows of the k nearest, best first. */
type Search = (query: Float32Array) => Promise<readonly number[]>

export const retrieval: Group = {
  name: 'retrieval',
  title: '(e) retrieval, exact, ten nearest',
  async run(context) {
    const { small, race } = context.options
    const count = small ? 500 : 100_000
    context.progress(`making ${count} vectors`)
    const data = clustered(count, small ? TOGETHER : 64)
    const exact = FlatIndex.fromVectors(data.vectors, DIMENSION)
    const backend = await bestBackend(context.options.threads)
    const scan = await IndexScan.create(exact, backend)
    const float: Search = async (query) => exact.search(query, K).map(({ index }) => index)
    const scanned: Search = async (query) => (await scan.search(query, K)).map(({ index }) => index)
    const note = `recall@${K} ${(await recall(data, scanned, float)).toFixed(4)}`

    const rows: Row[] = []
    const loaded = loadFaiss(context, data)
    loaded.catch(() => undefined) // reported by each row that needs it
    for (const [name, search] of [
      ['f32', float],
      ['int8 + rescoring', scanned],
    ] as const) {
      context.progress(name)
      const int8 = name !== 'f32'
      const peers = [
        faissEntrant(context, loaded, false, int8 && !small ? 1.5 : undefined),
        faissEntrant(context, loaded, true),
        plainEntrant(data),
      ]
      const comparison = {
        group: 'retrieval',
        work: `${TOGETHER} queries, ${count} x ${DIMENSION}, ${name}`,
        unit: 'queries/s',
        value: (seconds: number) => TOGETHER / seconds,
        ours: ownEntrant(data, name, search),
        peers: peers.map((peer) => (int8 ? { ...peer, agreement: 0, note } : peer)),
      }
      rows.push(...(await compare(comparison, race)))
    }
    scan.dispose()
    backend.dispose()
    return { rows }
  },
}

function ownEntrant(data: Data, name: string, search: Search): Entrant {
  return { name: name === 'f32' ? 'FlatIndex' : 'IndexScan', prepare: () => searchAll(data, search) }
}

/** What one writes without a library: a loop over the rows, then the best of a sorted list. */
function plainEntrant({ vectors, queries }: Data): Entrant {
  const search: Search = async (query) => {
    const scored: { index: number; score: number }[] = []
    for (let index = 0; index < vectors.length / DIMENSION; index++) {
      let score = 0
      for (let i = 0; i < DIMENSION; i++) score += vectors[index * DIMENSION + i] * query[i]
      scored.push({ index, score })
    }
    scored.sort((a, b) => b.score - a.score)
    return scored.slice(0, K).map(({ index }) => index)
  }
  return { name: 'plain loop', prepare: () => searchAll({ vectors, queries }, search) }
}

function searchAll({ queries }: Data, search: Search): Prepared {
  const all = async () => {
    const found: number[] = []
    for (let i = 0; i < TOGETHER; i++) found.push(...(await search(row(queries, i))))
    return found
  }
  return { run: () => all(), result: all }
}

function faissEntrant({ peers }: BenchContext, loaded: Promise<void>, together: boolean, target?: number): Entrant {
  return {
    name: together ? 'faiss-cpu IndexFlatIP, one batch' : 'faiss-cpu IndexFlatIP',
    target,
    prepare: async () => {
      await loaded
      const faiss = await peers.faiss()
      const search = () => faiss.search(0, TOGETHER, K, together)
      return { run: async () => (await search()).seconds, result: async () => (await search()).indices.flat() }
    },
  }
}

async function loadFaiss({ peers }: BenchContext, { vectors, queries }: Data): Promise<void> {
  const faiss = await peers.faiss()
  const folder = join(PEERS_FOLDER, 'data')
  await mkdir(folder, { recursive: true })
  const files = [join(folder, 'vectors.f32'), join(folder, 'queries.f32')]
  await writeFile(files[0], vectors)
  await writeFile(files[1], queries)
  await faiss.load(files[0], files[1], DIMENSION)
}

/** Part of the true nearest that the search finds, over all queries. */
async function recall({ queries }: Data, search: Search, truth: Search): Promise<number> {
  let found = 0
  const count = queries.length / DIMENSION
  for (let i = 0; i < count; i++) {
    const wanted = new Set(await truth(row(queries, i)))
    found += (await search(row(queries, i))).filter((index) => wanted.has(index)).length
  }
  return found / (count * K)
}

function row(matrix: Float32Array, index: number): Float32Array {
  return matrix.subarray(index * DIMENSION, (index + 1) * DIMENSION)
}

/** Unit vectors around a centre for every hundred of them. */
function clustered(count: number, queries: number): Data {
  const random = new Random(384)
  const centres = Array.from({ length: Math.ceil(count / 100) }, () => random.normals(DIMENSION))
  const make = (size: number) => {
    const matrix = new Float32Array(size * DIMENSION)
    for (let index = 0; index < size; index++) {
      const centre = centres[random.below(centres.length)]
      const vector = random.normals(DIMENSION).map((noise, i) => centre[i] + noise)
      const length = Math.hypot(...vector)
      matrix.set(
        vector.map((value) => value / length),
        index * DIMENSION,
      )
    }
    return matrix
  }
  return { vectors: make(count), queries: make(queries) }
}
