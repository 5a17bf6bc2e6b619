/**
 * What memory.test.ts runs in a process of its own, and measures there. Prints one line of JSON.
 */
import { referenceBackend } from '../../src/backends/index.js'
import { T5ForConditionalGeneration } from '../../src/models/index.js'
import { Rag } from '../../src/rag/index.js'
import { weightsPath } from '../support/weights.js'

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
}

async function loadGenerateDispose(): Promise<void> {
  const backend = referenceBackend()
  const model = await T5ForConditionalGeneration.fromPretrained(weightsPath('reader'), { backend })
  await model.generate({ inputIds: [[5, 6, 7, 8]] }, { maxNewTokens: 4 })
  backend.dispose()
}

/** After the collector has been everywhere: buffers are given back some turns after their owner. */
async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc!()
    await new Promise(setImmediate)
  }
  const { heapUsed, external } = process.memoryUsage() // external holds the array buffers
  return heapUsed + external
}

const measurement = MEASUREMENTS[process.argv[2] as keyof typeof MEASUREMENTS]
process.stdout.write(JSON.stringify(await measurement()))
