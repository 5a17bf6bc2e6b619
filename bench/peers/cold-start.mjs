// What `glassformer ask` does, with transformers.js and onnxruntime-node: loads a sentence encoder and a T5, finds the five nearest
// passages, lets the T5 read each, and prints the first answer that is not an abstention. It does less than ours: it neither scores
// the answers nor mixes them.
//   node cold-start.mjs PEERS_FOLDER QUESTION
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, question] = process.argv.slice(2)
const DIMENSION = 384
const PASSAGES = 5
const LONGEST_ANSWER = 40
const [START, END, PADDING] = [0, 1, 0]

const modules = join(folder, 'node', 'node_modules')
const { AutoTokenizer, env, pipeline } = await import(
  pathToFileURL(join(modules, '@huggingface', 'transformers', 'dist', 'transformers.node.mjs')).href
)
const { InferenceSession, Tensor } = createRequire(join(modules, 'x.js'))('onnxruntime-node')
env.allowRemoteModels = false
env.localModelPath = join(folder, 'models/')

const extract = await pipeline('feature-extraction', 'all-MiniLM-L6-v2', { dtype: 'fp32', device: 'cpu' })
const { data: query } = await extract([question], { pooling: 'mean', normalize: true })
const prompts = (await nearest(query)).map(({ title, text }) => `${title} / ${text} // ${question}`)

const tokenizer = await AutoTokenizer.from_pretrained('reader')
const reader = join(folder, 'models', 'reader')
const encoder = await InferenceSession.create(join(reader, 'encoder.onnx'), { logSeverityLevel: 3 })
const decoder = await InferenceSession.create(join(reader, 'decoder.onnx'), { logSeverityLevel: 3 })
const rows = prompts.map((prompt) => tokenizer.encode(prompt))
const answers = (await write(rows)).map((ids) => tokenizer.decode(ids, { skip_special_tokens: true }))
console.log(answers.find((answer) => answer !== "I don't know.") ?? answers[0])

async function nearest(query) {
  const bytes = await readFile(join(folder, 'data', 'world-facts.f32'))
  const vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const scored = []
  for (let index = 0; index < vectors.length / DIMENSION; index++) {
    let score = 0
    for (let i = 0; i < DIMENSION; i++) score += vectors[index * DIMENSION + i] * query[i]
    scored.push({ index, score })
  }
  scored.sort((a, b) => b.score - a.score)
  const lines = (await readFile(join(folder, 'data', 'passages.jsonl'), 'utf8')).split('\n')
  return scored.slice(0, PASSAGES).map(({ index }) => JSON.parse(lines[index]))
}

/** Greedy search for all rows together. */
async function write(rows) {
  const width = Math.max(...rows.map((row) => row.length))
  const padded = rows.flatMap((row) => [...row, ...new Array(width - row.length).fill(PADDING)])
  const mask = rows.flatMap((row) => Array.from({ length: width }, (_, i) => (i < row.length ? 1 : 0)))
  const attention_mask = ids(mask, [rows.length, width])
  const encoded = await encoder.run({ input_ids: ids(padded, [rows.length, width]), attention_mask })
  const cross = Object.fromEntries(Object.entries(encoded).filter(([name]) => name.startsWith('cross.')))
  const written = rows.map(() => [])
  let past = emptyPast(cross, rows.length)
  let tokens = rows.map(() => START)
  for (let step = 0; step < LONGEST_ANSWER && !written.every((row) => row.includes(END)); step++) {
    const feeds = { input_ids: ids(tokens, [rows.length, 1]), attention_mask, ...cross, ...past }
    const { logits, ...present } = await decoder.run(feeds)
    past = Object.fromEntries(Object.entries(present).map(([name, value]) => [name.replace('present', 'past'), value]))
    const size = logits.dims[2]
    tokens = rows.map((_, row) => {
      const scores = logits.data.subarray(row * size, (row + 1) * size)
      return scores.indexOf(scores.reduce((best, score) => Math.max(best, score), -Infinity))
    })
    written.forEach((row, i) => row.push(tokens[i]))
  }
  return written.map((row) => (row.includes(END) ? row.slice(0, row.indexOf(END)) : row))
}

function emptyPast(cross, batch) {
  const entries = Object.entries(cross).map(([name, { dims }]) => [
    name.replace('cross', 'past'),
    new Tensor('float32', new Float32Array(0), [batch, dims[1], 0, dims[3]]),
  ])
  return Object.fromEntries(entries)
}

function ids(values, dims) {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
}
