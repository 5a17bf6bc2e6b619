/**
 * (b) Sentence embeddings by all-MiniLM-L6-v2: text in, unit vector out, tokenising and pooling included on both sides. The peer
 * is transformers.js on its two runtimes; its ONNX files are made from the weights that we load.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bestBackend, modelOptions, type WeightPrecision } from '../backend.js'
import { compare, type Entrant, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { bertGraph } from '../onnx/bert.js'
import { exists } from '../peers/install.js'
import type { RuntimeName } from '../peers/onnx-runtime.js'
import { MODELS_FOLDER } from '../peers/transformers-js.js'
import { Random } from '../random.js'
import { SentenceEncoder } from '../../src/rag/index.js'
import type { Backend } from '../../src/backends/index.js'

export const MINILM_FOLDER = fileURLToPath(new URL('../../weights/all-MiniLM-L6-v2', import.meta.url))
/** Its folder under {@link MODELS_FOLDER}. */
export const MINILM = 'all-MiniLM-L6-v2'

interface Work {
  readonly batch: number
  /** Tokens of each text, special ones included. */
  readonly tokens: number
  /** The targets are set for one kind of work. */
  readonly targets?: boolean
}

const WORKS: readonly Work[] = [
  { batch: 1, tokens: 16 },
  { batch: 1, tokens: 256 },
  { batch: 32, tokens: 16, targets: true },
  { batch: 32, tokens: 256, targets: true },
]
const SMALL: readonly Work[] = [{ batch: 2, tokens: 8 }]

/** 8-bit embeddings are compared with ours. */
const COARSE = 0.97

export const minilm: Group = {
  name: 'minilm',
  title: '(b) MiniLM sentence embeddings',
  async run(context) {
    const { options } = context
    const backend = await bestBackend(options.threads)
    if (options.peers !== 'none') await makeMinilm()
    const rows: Row[] = []
    for (const work of options.small ? SMALL : WORKS) {
      for (const precision of ['f32', 'int8'] as const) rows.push(...(await measure(context, backend, work, precision)))
    }
    backend.dispose()
    return { rows }
  },
}

/** Writes the folder that transformers.js loads, once. */
export async function makeMinilm(): Promise<void> {
  const folder = join(MODELS_FOLDER, MINILM)
  if (await exists(join(folder, 'onnx', 'model_quantized.onnx'))) return
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(join(MINILM_FOLDER, file), join(folder, file))
  }
  for (const [file, precision] of [
    ['model.onnx', 'f32'],
    ['model_quantized.onnx', 'q8'],
  ] as const) {
    await writeFile(join(folder, 'onnx', file), await bertGraph(MINILM_FOLDER, { precision, attention: 'fused' }))
  }
}

function measure(
  { options, peers, progress }: BenchContext,
  backend: Backend,
  { batch, tokens, targets }: Work,
  precision: WeightPrecision,
): Promise<Row[]> {
  const work = `MiniLM ${precision} batch ${batch} x ${tokens} tokens`
  progress(work)
  const texts = Array.from({ length: batch }, (_, seed) => sentence(tokens, seed))
  const ours: Entrant = {
    name: `${backend.name} ${precision}`,
    prepare: async () => {
      const encoder = await SentenceEncoder.fromPretrained(MINILM_FOLDER, modelOptions(backend, precision))
      const read = encoder.tokenize(texts[0]).length
      if (read !== tokens) throw new Error(`the texts have ${read} tokens, not ${tokens}`)
      return {
        run: () => encoder.embed(texts),
        result: () => encoder.embed(texts),
        close: async () => encoder.dispose(),
      }
    },
  }
  const peer = (name: RuntimeName, dtype: 'fp32' | 'q8', target?: number): Entrant => ({
    name: `transformers.js ${name === 'onnxruntime-web' ? 'wasm' : 'node'} ${dtype === 'q8' ? 'q8' : 'f32'}`,
    target: targets && !options.small ? target : undefined,
    agreement: dtype === 'q8' || precision === 'int8' ? COARSE : undefined,
    prepare: async () => {
      const extract = await peers.featureExtraction(name, MINILM, dtype)
      const embed = async () => (await extract(texts, { pooling: 'mean', normalize: true })).data
      return { run: () => embed(), result: embed }
    },
  })
  return compare(
    {
      group: 'minilm',
      work,
      unit: 'sentences/s',
      value: (seconds) => batch / seconds,
      ours,
      peers:
        precision === 'f32'
          ? [peer('onnxruntime-web', 'fp32', 1.4), peer('onnxruntime-node', 'fp32')]
          : [peer('onnxruntime-web', 'q8'), peer('onnxruntime-node', 'q8'), peer('onnxruntime-node', 'fp32', 1)],
    },
    options.race,
  )
}

/** Words that are one token each. */
const WORDS =
  'the city of a river in and old house on by sea with king who made great road under north light for many years green field small town near'.split(
    ' ',
  )

/** A text of `tokens` tokens, counting the two special ones. */
function sentence(tokens: number, seed: number): string {
  const random = new Random(seed + 1)
  return Array.from({ length: tokens - 2 }, () => WORDS[random.below(WORDS.length)]).join(' ')
}
