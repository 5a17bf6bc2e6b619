/**
 * What memory.test.ts runs in a process of its own, and measures there. Prints one line of JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { referenceBackend, wasmBackend } from '../../src/backends/index.js'
import { T5ForConditionalGeneration } from '../../src/models/index.js'
import { FlatFileStore, Rag, Retriever, type EncoderIdentity } from '../../src/rag/index.js'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import { randomNumbers } from '../support/random.js'
import { weightsPath } from '../support/weights.js'
import { WIDTH, wideEncoder, wideTexts } from '../support/wide-encoder.js'

const MEASUREMENTS = {
  /** Bytes that are held after each of some rounds of loading, writing and dropping a model. */
  async rounds(): Promise<number[]> {
    const held: number[] = []
    for (let round = 0; round < 8; round++) {
      await loadGenerateDispose()
      held.push(await heldBytes())
    }
    return held
  },
  /** The most memory that the process had in one main job, in bytes. */
  async peak(): Promise<number> {
    const rag = await Rag.fromPretrained()
    const { text } = await rag.ask('What is the capital of France?')
    if (text === '') throw new Error('no answer')
    rag.dispose()
    return process.resourceUsage().maxRSS * 1024
  },
  /** What opening a file of int8 vectors and searching it holds, in parts of their bytes. */
  async store(): Promise<number> {
    const folder = mkdtempSync(join(tmpdir(), 'glassformer-memory-'))
    const path = join(folder, 'my.index')
    await writeStore(path)
    const backend = await wasmBackend({ threads: 1 })
    const before = (await bufferBytes()) + backend.memory.byteLength
    const store = await FlatFileStore.open(path, { backend })
    await store.search([new Float32Array(WIDTH).fill(1), new Float32Array(WIDTH).fill(-1)], 10)
    const growth = (await bufferBytes()) + backend.memory.byteLength - before
    await store.close()
    rmSync(folder, { recursive: true })
    return growth / (ROWS * WIDTH)
  },
  /** The same of embedding texts into an index of int8 in memory and searching it. */
  async retriever(): Promise<number> {
    const backend = await wasmBackend({ threads: 1 })
    const encoder = await wideEncoder(backend)
    const texts = wideTexts(ROWS)
    const options = { dtype: 'int8', batchSize: 128 } as const
    await encoder.embed(
      texts.slice(0, options.batchSize).map(({ text }) => text),
      options,
    )
    const before = (await bufferBytes()) + backend.memory.byteLength
    const retriever = await Retriever.build(encoder, texts, options)
    await retriever.retrieve('w1 w2', 10)
    const growth = (await bufferBytes()) + backend.memory.byteLength - before
    retriever.dispose()
    return growth / (ROWS * WIDTH)
  },
  /** The most memory that reading a header of short entries took, in parts of its bytes. */
  async header(): Promise<number> {
    const bytes = shortEntries(490_000)
    await bufferBytes()
    const before = process.memoryUsage().rss
    const file = await SafetensorsFile.open(bytes)
    if (file.tensors.size !== 490_001) throw new Error('not all tensors were read')
    return (process.resourceUsage().maxRSS * 1024 - before) / Number(new DataView(bytes.buffer).getBigUint64(0, true))
  },
}

/** A file of tensors of one byte, in no order; a name that is not Latin makes its text take two bytes a character. */
function shortEntries(count: number): Uint8Array {
  const bytes = new Uint8Array(80 * count)
  const encoder = new TextEncoder()
  let at = 8
  const write = (text: string) => (at += encoder.encodeInto(text, bytes.subarray(at)).written)
  write('{"\u0100":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}')
  for (let i = 0; i < count; i++) {
    const begin = (i * 7919) % count
    write(`,"${i.toString(36)}":{"dtype":"U8","shape":[],"data_offsets":[${begin},${begin + 1}]}`)
  }
  write('}')
  new DataView(bytes.buffer).setBigUint64(0, BigInt(at - 8), true)
  return bytes.subarray(0, at + count)
}

/** Vectors of an index that is large enough for the kernels. */
const ROWS = 20_000
const ENCODER: EncoderIdentity = { name: 'none', hash: '0'.repeat(64), pooling: 'mean', normalize: false }

async function writeStore(path: string): Promise<void> {
  const next = randomNumbers(1)
  const store = await FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: WIDTH, dtype: 'int8' })
  const together = 1000
  for (let first = 0; first < ROWS; first += together) {
    const passages = Array.from({ length: together }, (_, i) => ({
      id: `p${first + i}`,
      title: '',
      text: '',
      vector: Float32Array.from({ length: WIDTH }, next),
    }))
    await store.upsert({ id: `d${first}`, hash: '', passages })
  }
  await store.close()
}

async function loadGenerateDispose(): Promise<void> {
  const backend = referenceBackend()
  const model = await T5ForConditionalGeneration.fromPretrained(weightsPath('reader'), { backend })
  await model.generate({ inputIds: [[5, 6, 7, 8]] }, { maxNewTokens: 4 })
  backend.dispose()
}

async function heldBytes(): Promise<number> {
  const buffers = await bufferBytes()
  return process.memoryUsage().heapUsed + buffers
}

/** After the collector has been everywhere: buffers are given back some turns after their owner. */
async function bufferBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc!()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().external // holds the array buffers, but not the memory of the kernels
}

const measurement = MEASUREMENTS[process.argv[2] as keyof typeof MEASUREMENTS]
process.stdout.write(JSON.stringify(await measurement()))
