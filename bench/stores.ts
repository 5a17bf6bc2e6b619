/**
 * `npm run bench:stores`: what the stores cost, by number of passages: loading, size on disk, a question, and how much of the exact result an
 * HNSW index finds. `npm run bench:stores -- --help`.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { helpText, parseArguments, UsageError, type CommandSpec } from '../src/cli/arguments.js'
import { openFile } from '../src/files/node-file.js'
import { IndexReader } from '../src/rag/stores/index-reader.js'
import { PostgresStore } from '../src/rag/stores/postgres/index.js'
import {
  FlatFileStore,
  type EncoderIdentity,
  type IndexDType,
  type RetrievedPassage,
  type StoredDocument,
  type TextSearchStore,
} from '../src/rag/index.js'
import { startPostgres, stopPostgres } from '../test/support/postgres-server.js'
import { DIMENSION, madeDocuments, madeQuestions, type Question } from './made-passages.js'

const ENCODER: EncoderIdentity = { name: 'made for this', hash: '0'.repeat(64), pooling: 'mean', normalize: true }
const QUESTIONS = 50
const K = 10
/** Passages whose words are searched in a file: above, they are more than memory holds. */
const MOST_WORDS = 200_000
const SEARCH_SCRIPT = fileURLToPath(new URL('file-search.mjs', import.meta.url))
const SCHEMA = 'glassformer_bench'

const spec: CommandSpec = {
  name: 'bench:stores',
  positionals: [],
  summary: 'Measures the flat file store and the one in PostgreSQL.',
  options: {
    sizes: { type: 'string', value: 'N,N', help: 'numbers of passages (default 10000,100000)' },
    url: {
      type: 'string',
      value: 'URL',
      help: `a PostgreSQL with pgvector; its schema ${SCHEMA} is replaced (default: one is started)`,
    },
    'file-only': { type: 'boolean', help: 'leave PostgreSQL out' },
    dtype: { type: 'string', value: 'DTYPE', help: 'of the file: int8 (default) or float32' },
    memory: { type: 'string', value: 'MB', help: 'memory for building the HNSW index (default 512)' },
  },
}

const questions = madeQuestions(QUESTIONS)

interface Timed {
  readonly found: readonly (readonly RetrievedPassage[])[]
  /** Milliseconds. */
  readonly least: number
  readonly median: number
}

/** Each question by itself, after a first one that is not counted. */
async function timed(search: (question: Question) => Promise<readonly RetrievedPassage[]>): Promise<Timed> {
  await search(questions[0])
  const times: number[] = []
  const found: (readonly RetrievedPassage[])[] = []
  for (const question of questions) {
    const begun = performance.now()
    found.push(await search(question))
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  return { found, least: times[0], median: times[times.length >> 1] }
}

const nearest = (store: TextSearchStore, options = {}) =>
  timed(async ({ vector }) => (await store.search([vector], K, options))[0])
const worded = (store: TextSearchStore) => timed(({ text, vector }) => store.searchText(text, vector, K))

/** Share of the exact hits that are found. */
function recall(exact: Timed, found: Timed): number {
  const hits = exact.found.flatMap((best, i) => {
    const ids = new Set(found.found[i].map(({ id }) => id))
    return best.filter(({ id }) => ids.has(id))
  })
  return hits.length / exact.found.flat().length
}

/** Passages in a second of loading, without the time that the documents take to be made. */
async function speed(size: number, load: (documents: Iterable<StoredDocument>) => Promise<unknown>): Promise<string> {
  let making = 0
  const timedDocuments = function* (): Generator<StoredDocument> {
    let begun = performance.now()
    for (const document of madeDocuments(size)) {
      making += (performance.now() - begun) / 1000
      yield document
      begun = performance.now()
    }
  }
  const whole = await seconds(() => load(timedDocuments()))
  return `${Math.round(size / (whole - making))} passages/s`
}

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await action()
  return (performance.now() - begun) / 1000
}

function print(size: number, what: string, values: Readonly<Record<string, string>>): void {
  const columns = Object.entries(values).map(([name, value]) => `${name} ${value}`)
  console.log(`${size.toLocaleString('en').padStart(9)}  ${what.padEnd(24)}  ${columns.join('   ')}`)
}

const inTime = ({ least, median }: Omit<Timed, 'found'>) => ({
  least: `${least.toFixed(1)} ms`,
  median: `${median.toFixed(1)} ms`,
})
const perPassage = (bytes: number, size: number) => `${(bytes / size).toFixed(0)} bytes a passage`

async function measureFile(size: number, dtype: IndexDType): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-bench-'))
  const path = join(folder, 'stores.index')
  try {
    const loading = await speed(size, async (documents) => {
      const store = await FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION, dtype })
      for (const document of documents) await store.upsert(document)
      await store.close()
    })
    print(size, `file ${dtype}: loading`, { speed: loading, size: perPassage(statSync(path).size, size) })
    await measureSearch(folder, path, size, dtype)
    if (size > MOST_WORDS) return
    const store = await FlatFileStore.open(path)
    const first = await seconds(() => store.searchText(questions[0].text, questions[0].vector, K))
    print(size, `file ${dtype}: words`, { ...inTime(await worded(store)), 'first search': `${first.toFixed(1)} s` })
    await store.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What `file-search.mjs` prints. */
interface FileSearch {
  readonly opened: number
  readonly first: number
  readonly one: Omit<Timed, 'found'>
  readonly together: Omit<Timed, 'found'>
  readonly filtered: Omit<Timed, 'found'>
  readonly hits: readonly (readonly (readonly [id: string, score: number])[])[]
  readonly before: number
  readonly peak: number
}

/** By processes of their own, whose memory is theirs, and by the plain search, which has to find the same. */
async function measureSearch(folder: string, path: string, size: number, dtype: IndexDType): Promise<void> {
  const vectors = join(folder, 'questions')
  writeFileSync(vectors, Buffer.concat(questions.map(({ vector }) => new Uint8Array(vector.buffer))))
  const name = `file ${dtype}`
  let found: FileSearch['hits'] = []
  for (const threads of new Set([1, availableParallelism()])) {
    const args = [SEARCH_SCRIPT, path, vectors, String(K), String(threads)]
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 })
    const { opened, first, one, together, filtered, hits, before, peak } = JSON.parse(stdout) as FileSearch
    const threaded = `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
    print(size, threaded, { opened: `${opened.toFixed(0)} ms`, 'first search': `${(first / 1000).toFixed(1)} s` })
    print(size, `${threaded}: one`, inTime(one))
    print(size, `${threaded}: 16 together`, inTime(together))
    print(size, `${threaded}: 1/10`, inTime(filtered))
    print(size, `${threaded}: memory`, { peak: `${peak.toFixed(0)} MB`, before: `${before.toFixed(0)} MB` })
    found = hits
  }
  const reader = await IndexReader.open((await openFile(folder, 'stores.index'))!)
  const index = await reader.inMemory()
  const times: number[] = []
  for (const [i, { vector }] of questions.slice(0, 5).entries()) {
    const begun = performance.now()
    const hits = index.search(vector, K)
    times.push(performance.now() - begun)
    const plain = hits.map(({ index: row, score }) => [`p${row}`, score])
    if (JSON.stringify(plain) !== JSON.stringify(found[i]))
      throw new Error(`question ${i}: not what the plain search finds`)
  }
  await reader.close()
  times.sort((a, b) => a - b)
  print(size, `${name}: plain search`, inTime({ least: times[0], median: times[times.length >> 1] }))
}

async function measurePostgres(url: string, size: number, memory: number): Promise<void> {
  const admin = new Client({ connectionString: url })
  await admin.connect()
  await admin.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
  const bytesOf = async (relation: string, kind: 'table' | 'relation') => {
    const statement = `SELECT pg_${kind}_size($1::regclass)::float8 AS bytes`
    return (await admin.query<{ bytes: number }>(statement, [`${SCHEMA}.${relation}`])).rows[0].bytes
  }
  const store = await PostgresStore.openForWriting(url, {
    schema: SCHEMA,
    encoder: ENCODER,
    dimension: DIMENSION,
    statementTimeout: 0,
  })
  try {
    const loading = await speed(size, (documents) => store.upsertAll(documents))
    print(size, 'PostgreSQL: loading', {
      speed: loading,
      size: perPassage(await bytesOf('passages', 'table'), size),
    })
    await admin.query(`VACUUM ANALYZE ${SCHEMA}.passages`)
    const exact = await nearest(store)
    print(size, 'PostgreSQL: exact', inTime(exact))
    print(size, 'PostgreSQL: words', inTime(await worded(store)))
    const building = await seconds(() => store.buildHnsw({ memory }))
    print(size, 'PostgreSQL: HNSW built', {
      in: `${building.toFixed(0)} s`,
      size: perPassage(await bytesOf('passages_vector', 'relation'), size),
    })
    for (const efSearch of [40, 100, 200]) {
      const found = await nearest(store, { efSearch })
      print(size, `PostgreSQL: HNSW, ef ${efSearch}`, {
        ...inTime(found),
        [`recall@${K}`]: recall(exact, found).toFixed(3),
      })
    }
    const filtered = { filter: { part: 3 } }
    const found = await nearest(store, filtered)
    const best = await nearest(store, { ...filtered, exact: true })
    print(size, 'PostgreSQL: HNSW, 1/10', { ...inTime(found), [`recall@${K}`]: recall(best, found).toFixed(3) })
  } finally {
    await store.close()
    await admin.query(`DROP SCHEMA ${SCHEMA} CASCADE`)
    await admin.end()
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer bench:stores', 'npm run bench:stores --'))
    return
  }
  const sizes = String(options.sizes ?? '10000,100000')
    .split(',')
    .map(Number)
  const memory = Number(options.memory ?? 512)
  if (![...sizes, memory].every((value) => Number.isSafeInteger(value) && value > 0))
    throw new UsageError('--sizes and --memory are whole numbers of 1 or more')
  const dtype = options.dtype ?? 'int8'
  if (dtype !== 'int8' && dtype !== 'float32') throw new UsageError('--dtype is int8 or float32')
  const fileOnly = options['file-only'] === true
  const server =
    fileOnly || typeof options.url === 'string' ? undefined : startPostgres({ settings: '-c shared_buffers=512MB' })
  try {
    for (const size of sizes) {
      await measureFile(size, dtype)
      if (!fileOnly) await measurePostgres(server?.url ?? String(options.url), size, memory)
    }
  } finally {
    if (server) stopPostgres(server)
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
