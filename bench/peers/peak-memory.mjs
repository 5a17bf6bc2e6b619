// A process that loads MiniLM, embeds one sentence, and prints its peak resident memory in kilobytes.
// Ours: node peak-memory.mjs DIST_INDEX MODEL_FOLDER [int8]; the peer's: node peak-memory.mjs PEERS_FOLDER MODELS_FOLDER MODEL DTYPE
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const SENTENCE = 'What is the capital of France?'
const args = process.argv.slice(2)

if (args[0].endsWith('.js')) {
  const [library, folder, dtype] = args
  const { SentenceEncoder } = await import(pathToFileURL(library).href)
  const encoder = await SentenceEncoder.fromPretrained(folder, { dtype })
  await encoder.embed([SENTENCE])
} else {
  const [peers, models, model, dtype] = args
  const library = createRequire(join(peers, 'node', 'package.json')).resolve('@huggingface/transformers')
  const { env, pipeline } = await import(pathToFileURL(library).href)
  env.allowRemoteModels = false
  env.localModelPath = models
  const extract = await pipeline('feature-extraction', model, { device: 'cpu', dtype })
  await extract([SENTENCE], { pooling: 'mean', normalize: true })
}
process.stdout.write(`peak ${peak()}\n`)
process.exit(0)

/** On Linux from the kernel's own count: resourceUsage() would include what the parent had when it started this process. */
function peak() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS
  return /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]
}
