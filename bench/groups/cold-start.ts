/**
 * (g) From the start of a process to its first answer, as one who types `glassformer ask` waits for it. The peer is a script that does
 * the same with transformers.js and onnxruntime-node (peers/cold-start.mjs). Ours is the built command, so run `npm run build` first.
 */
import { spawn } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare, type Entrant } from '../compare.js'
import type { Group } from '../group.js'
import { t5Graphs } from '../onnx/t5.js'
import { exists, packageFolder, PEERS_FOLDER, PeerMissing } from '../peers/install.js'
import { MODELS_FOLDER } from '../peers/transformers-js.js'
import { decodeIndex } from '../../src/rag/index.js'
import { makeMinilm } from './minilm.js'

const COMMAND = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const PEER_SCRIPT = fileURLToPath(new URL('../peers/cold-start.mjs', import.meta.url))
const WEIGHTS = fileURLToPath(new URL('../../weights', import.meta.url))
const QUESTION = 'What is the capital of France?'
const ANSWER = 'The capital of France is Paris.'
/** The command is to answer within this. */
const LIMIT_MS = 1000

export const coldStart: Group = {
  name: 'cold-start',
  title: '(g) cold start: process start to first answer',
  async run({ options, peers, progress }) {
    progress('answering the default question in fresh processes')
    const ours: Entrant = {
      name: 'glassformer ask',
      prepare: async () => {
        if (!(await exists(COMMAND))) throw new Error('dist/cli.js is missing: npm run build makes it')
        return { run: () => secondsToAnswer([COMMAND, 'ask', QUESTION]) }
      },
    }
    const peer: Entrant = {
      name: 'transformers.js + onnxruntime-node',
      prepare: async () => {
        if (options.peers === 'none') throw new PeerMissing('left out by --peers none')
        await packageFolder('@huggingface/transformers')
        await peers.runtime('onnxruntime-node')
        await makePeerFiles()
        return { run: () => secondsToAnswer([PEER_SCRIPT, PEERS_FOLDER, QUESTION]) }
      },
    }
    const race = { rounds: options.small ? 1 : options.race.rounds, warmUpSeconds: 0, roundSeconds: 0 }
    const comparison = {
      group: 'cold-start',
      work: 'process start to answer',
      unit: 'ms',
      value: (seconds: number) => seconds * 1000,
      limit: options.small ? undefined : LIMIT_MS,
      ours,
      peers: [peer],
    }
    return { rows: await compare(comparison, race) }
  },
}

/** Starts Node with these arguments and waits for the answer on its standard output. */
function secondsToAnswer(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    let seconds: number | undefined
    let output = ''
    let errors = ''
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes(ANSWER)) seconds ??= (performance.now() - start) / 1000
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', reject)
    // the next one starts when this one has really ended
    child.once('close', () => {
      if (seconds !== undefined) resolve(seconds)
      else reject(new Error(`no answer: ${output.trim() || errors.trim()}`))
    })
  })
}

/** Models, vectors and passages in the forms that the peer reads. */
async function makePeerFiles(): Promise<void> {
  await makeMinilm()
  const [models, data] = [join(MODELS_FOLDER, 'reader'), join(PEERS_FOLDER, 'data')]
  await mkdir(models, { recursive: true })
  await mkdir(data, { recursive: true })
  const { encoder, decoder } = await t5Graphs(join(WEIGHTS, 'reader'))
  await writeFile(join(models, 'encoder.onnx'), encoder)
  await writeFile(join(models, 'decoder.onnx'), decoder)
  for (const file of ['config.json', 'tokenizer.json']) {
    await copyFile(join(WEIGHTS, 'reader', file), join(models, file))
  }
  await writeFile(join(models, 'tokenizer_config.json'), '{"tokenizer_class": "PreTrainedTokenizerFast"}')
  const corpus = join(WEIGHTS, 'world-facts')
  await copyFile(join(corpus, 'passages.jsonl'), join(data, 'passages.jsonl'))
  const { index } = decodeIndex(await readFile(join(corpus, 'index.bin')), 'index.bin')
  const { vectors, scales, dimension } = index
  const floats = Float32Array.from(vectors, (value, at) => value * (scales?.[Math.floor(at / dimension)] ?? 1))
  await writeFile(join(data, 'world-facts.f32'), floats)
}
