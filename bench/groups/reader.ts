/**
 * (c) The default pipeline's T5: how long the seed question takes from text to answer (five passages found, read, answered and
 * scored), and how fast the decoder writes. The peer is the same model on onnxruntime, from an ONNX file made of the same weights; for
 * the answer its question is embedded by transformers.js. What is not the forward pass is the same code on both sides.
 */
import { fileURLToPath } from 'node:url'
import { bestBackend, modelOptions, type WeightPrecision } from '../backend.js'
import { compare, type Entrant, type Prepared, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { t5Graphs, type T5Graphs } from '../onnx/t5.js'
import type { RuntimeName } from '../peers/onnx-runtime.js'
import { T5OnOnnx } from '../peers/t5-on-onnx.js'
import { makeMinilm, MINILM, MINILM_FOLDER } from './minilm.js'
import type { Backend } from '../../src/backends/index.js'
import type { T5ForConditionalGeneration } from '../../src/models/index.js'
import { ABSTENTION, Reader, readerInput, Retriever, SentenceEncoder } from '../../src/rag/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'

const READER_FOLDER = fileURLToPath(new URL('../../weights/reader', import.meta.url))
const CORPUS_FOLDER = fileURLToPath(new URL('../../weights/world-facts', import.meta.url))
const QUESTION = 'What is the capital of France?'
const PASSAGE = { title: 'France', text: 'France is a country in Western Europe. Its capital is Paris, on the Seine.' }
const RUNTIMES: readonly RuntimeName[] = ['onnxruntime-web', 'onnxruntime-node']
const PRECISIONS: readonly WeightPrecision[] = ['f32', 'int8']

/** Length of MiniLM's vectors. */
const DIMENSION = 384

export const reader: Group = {
  name: 'reader',
  title: '(c) T5 reader',
  async run(context) {
    const { options } = context
    const backend = await bestBackend(options.threads)
    if (options.peers !== 'none') await makeMinilm()
    const graphs = await t5Graphs(READER_FOLDER)
    const rows: Row[] = []
    for (const precision of PRECISIONS) rows.push(...(await measureAnswer(context, backend, graphs, precision)))
    for (const batch of options.small ? [1] : [1, 5]) {
      for (const precision of PRECISIONS)
        rows.push(...(await measureDecode(context, backend, graphs, precision, batch)))
    }
    backend.dispose()
    return { rows }
  },
}

function measureAnswer(
  { options, peers, progress }: BenchContext,
  backend: Backend,
  graphs: T5Graphs,
  precision: WeightPrecision,
): Promise<Row[]> {
  const topK = options.small ? 1 : 5
  const work = `seed question to answer ${precision}, ${topK} passage${topK > 1 ? 's' : ''}`
  progress(work)
  const ours: Entrant = {
    name: `${backend.name} ${precision}`,
    prepare: async () => {
      const encoder = await SentenceEncoder.fromPretrained(MINILM_FOLDER, modelOptions(backend, precision))
      return answering(encoder, await ownReader(backend, precision), topK)
    },
  }
  const peer = (name: RuntimeName): Entrant => ({
    name: `${name} f32`,
    agreement: precision === 'int8' ? 0.99 : undefined,
    prepare: async () => {
      const extract = await peers.featureExtraction(name, MINILM, 'fp32')
      const embed = async (texts: readonly string[]) =>
        (await extract(texts, { pooling: 'mean', normalize: true })).data
      const { reader: theirs, close } = await peerReader(peers, name, graphs)
      // the members that a Retriever uses
      const encoder = { name: MINILM, dimension: DIMENSION, embed } as unknown as SentenceEncoder
      return { ...(await answering(encoder, theirs, topK)), close }
    },
  })
  const value = (seconds: number) => seconds * 1000
  const comparison = { group: 'reader', work, unit: 'ms', value, ours, peers: RUNTIMES.map(peer) }
  return compare(comparison, options.race)
}

/** What Rag does with a question, up to the mixing of probabilities. */
async function answering(encoder: SentenceEncoder, reader: Reader, topK: number): Promise<Prepared> {
  const retriever = await Retriever.fromPretrained(CORPUS_FOLDER, encoder)
  const answer = async () => {
    const passages = await retriever.retrieve(QUESTION, topK)
    const reading = await reader.read(QUESTION, passages)
    const own = await reading.answers({ maxNewTokens: 40 })
    const logProbs: number[] = []
    for (const text of new Set([...own.map(({ text }) => text), ABSTENTION])) {
      logProbs.push(...(await reading.score(reader.tokenizer.encode(text).ids)).flat())
    }
    return logProbs
  }
  return { run: answer, result: answer }
}

function measureDecode(
  { options, peers, progress }: BenchContext,
  backend: Backend,
  graphs: T5Graphs,
  precision: WeightPrecision,
  batch: number,
): Promise<Row[]> {
  const tokens = options.small ? 4 : 32
  const work = `T5 decode ${precision}, batch ${batch}`
  progress(work)
  const ours: Entrant = {
    name: `${backend.name} ${precision}`,
    prepare: async () => decoding(await ownReader(backend, precision), batch, tokens),
  }
  const peer = (name: RuntimeName): Entrant => ({
    name: `${name} f32`,
    agreement: precision === 'int8' ? 0.9 : undefined,
    prepare: async () => {
      const { reader: theirs, close } = await peerReader(peers, name, graphs)
      return { ...(await decoding(theirs, batch, tokens)), close }
    },
  })
  const value = (seconds: number) => (tokens * batch) / seconds
  const comparison = { group: 'reader', work, unit: 'tokens/s', value, ours, peers: RUNTIMES.map(peer) }
  return compare(comparison, options.race)
}

/** Writes so many tokens, past the answer's end, for one passage repeated; reading it does not count. */
async function decoding({ model, tokenizer }: Reader, batch: number, tokens: number): Promise<Prepared> {
  const inputs = tokenizer.encodeBatch(new Array<string>(batch).fill(readerInput(PASSAGE, QUESTION)))
  const encoded = await model.encode({ inputIds: inputs.inputIds, attentionMask: inputs.attentionMask })
  const run = () => model.generateFrom(encoded, { minNewTokens: tokens, maxNewTokens: tokens })
  // only the answer itself: what a model writes when it may not stop hangs on the last digits
  return { run, result: async () => (await run()).logProbs.flatMap((row) => row.slice(0, 8)) }
}

function ownReader(backend: Backend, precision: WeightPrecision): Promise<Reader> {
  return Reader.fromPretrained(READER_FOLDER, modelOptions(backend, precision))
}

async function peerReader(peers: BenchContext['peers'], name: RuntimeName, graphs: T5Graphs) {
  const runtime = await peers.runtime(name)
  const tokenizer = await AutoTokenizer.fromPretrained(READER_FOLDER)
  const model = await T5OnOnnx.create(runtime, graphs, {
    decoderStartTokenId: 0,
    eosTokenIds: [1],
    padTokenId: 0,
    options: {},
    unsupported: [],
  })
  // the methods that a Reader calls
  const reader = new Reader(model as unknown as T5ForConditionalGeneration, tokenizer)
  return { reader, close: () => model.close() }
}
