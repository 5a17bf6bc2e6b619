/**
 * `npm run bench:stores`: what the stores cost, by number of passages: loading, size on disk, a question, and how much of the exact result an
 * HNSW index finds. Vectors are made of pairs of real ones (of world-facts, by MiniLM) with noise, since vectors at random have no
 * neighbours to speak of. `npm run bench:stores -- --help`.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { helpText, parseArguments, UsageError, type CommandSpec } from '../src/cli/arguments.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { PostgresStore } from '../src/rag/stores/postgres/index.js'
import {
  decodeIndex,
  FlatFileStore,
  parseCorpus,
  type EncoderIdentity,
  type RetrievedPassage,
  type StoredDocument,
  type TextSearchStore,
} from '../src/rag/index.js'
import { startPostgres, stopPostgres } from '../test/support/postgres-server.js'
import { Random } from './random.js'

const DIMENSION = 384
const ENCODER: EncoderIdentity = { name: 'made for this', hash: '0'.repeat(64), pooling: 'mean', normalize: true }
const PASSAGES_PER_DOCUMENT = 100
const QUESTIONS = 50
const K = 10
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
    memory: { type: 'string', value: 'MB', help: 'memory for building the HNSW index (default 512)' },
  },
}

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

function* madeDocuments(count: number): Generator<StoredDocument> {
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

interface Question {
  readonly vector: Float32Array
  readonly text: string
}

const askRandom = new Random(2)
const questions = Array.from({ length: QUESTIONS }, (): Question => {
  const { vector, from } = madeVector(askRandom)
  return { vector, text: `What is ${corpus[from].title}?` }
})

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

const inTime = ({ least, median }: Timed) => ({ least: `${least.toFixed(1)} ms`, median: `${median.toFixed(1)} ms` })
const perPassage = (bytes: number, size: number) => `${(bytes / size).toFixed(0)} bytes a passage`

async function measureFile(size: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-bench-'))
  const path = join(folder, 'stores.index')
  try {
    const loading = await speed(size, async (documents) => {
      const store = await FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION, dtype: 'int8' })
      for (const document of documents) await store.upsert(document)
      await store.close()
    })
    print(size, 'file int8: loading', {
      speed: loading,
      size: perPassage(statSync(path).size, size),
    })
    const store = await FlatFileStore.open(path)
    print(size, 'file int8: vectors', inTime(await nearest(store)))
    const first = await seconds(() => store.searchText(questions[0].text, questions[0].vector, K))
    print(size, 'file int8: words', { ...inTime(await worded(store)), 'first search': `${first.toFixed(1)} s` })
    await store.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
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
  const server = typeof options.url === 'string' ? undefined : startPostgres({ settings: '-c shared_buffers=512MB' })
  try {
    for (const size of sizes) {
      await measureFile(size)
      await measurePostgres(server?.url ?? String(options.url), size, memory)
    }
  } finally {
    if (server) stopPostgres(server)
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
