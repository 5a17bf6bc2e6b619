// A process that opens an index file and searches it, with what the build made: node file-search.mjs INDEX QUESTIONS K THREADS
// (QUESTIONS: float32 vectors, row-major). Prints one line of JSON: milliseconds, the hits of each question, and in megabytes its peak resident
// memory before it opens the file and at the end.
import { readFileSync } from 'node:fs'
import { FlatFileStore, wasmBackend } from '../dist/index.js'

const ROUNDS = 5
const TOGETHER = 16

const [path, questionsPath, k, threads] = process.argv.slice(2)
const before = peak()
const backend = await wasmBackend({ threads: Number(threads) })
const opening = performance.now()
const store = await FlatFileStore.open(path, { backend })
const opened = performance.now() - opening
const { buffer } = new Uint8Array(readFileSync(questionsPath))
const questions = Array.from({ length: buffer.byteLength / (4 * store.dimension) }, (_, i) =>
  new Float32Array(buffer, 4 * i * store.dimension, store.dimension).slice(),
)

const search = (vectors, options) => store.search(vectors, Number(k), options)
const began = performance.now()
await search([questions[0]])
const first = performance.now() - began
const found = []
const one = await timed(questions, async (question) => found.push(...(await search([question]))))
const batches = Array.from({ length: ROUNDS }, (_, i) => questions.slice(i, i + TOGETHER))
const together = await timed(batches, search)
const filter = { part: 3 }
await search([questions[0]], { filter })
const filtered = await timed(questions, (question) => search([question], { filter }))
await store.close()
backend.dispose()
const hits = found.map((passages) => passages.map(({ id, score }) => [id, score]))
process.stdout.write(JSON.stringify({ opened, first, one, together, filtered, hits, before, peak: peak() }))

async function timed(inputs, run) {
  const times = []
  for (const input of inputs) {
    const begun = performance.now()
    await run(input)
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  return { least: times[0], median: times[times.length >> 1] }
}

/** On Linux from the kernel's own count: resourceUsage() would include what the parent had when it started this process. */
function peak() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1000
  return (Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024) / 1e6
}
