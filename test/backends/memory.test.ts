import { statSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wasmBackend, type WasmBackend } from '../../src/backends/index.js'
import { Arena } from '../../src/backends/wasm/arena.js'
import { Heap } from '../../src/backends/wasm/heap.js'
import { BertModel, T5ForConditionalGeneration } from '../../src/models/index.js'
import { weightsPath } from '../support/weights.js'
import { randomNumbers } from '../support/random.js'

const MINILM = weightsPath('all-MiniLM-L6-v2')
const READER = weightsPath('reader')

async function start(): Promise<WasmBackend> {
  const backend = await wasmBackend()
  onTestFinished(() => backend.dispose())
  return backend
}

const weightBytes = (folder: string) => statSync(`${folder}/model.safetensors`).size

describe('the wasm backend’s memory', () => {
  test('a model takes its weights and little more, and gives them back', async () => {
    const backend = await start()
    const before = backend.memory
    const bert = await BertModel.fromPretrained(MINILM, { backend })
    const reader = await T5ForConditionalGeneration.fromPretrained(READER, { backend })
    expect(backend.memory.byteLength - before.byteLength).toBeLessThan(
      1.15 * (weightBytes(MINILM) + weightBytes(READER)),
    )
    bert.dispose()
    reader.dispose()
    expect(backend.memory.used).toBe(before.used)
  })

  test('after its first step a decoding takes no block from the heap', async () => {
    const backend = await start()
    const reader = await T5ForConditionalGeneration.fromPretrained(READER, { backend })
    const encoded = await reader.encode({
      inputIds: [
        [50, 60, 70, 80],
        [90, 100, 110, 120],
      ],
    })
    const allocations: number[] = []
    for await (const { tokens } of reader.stream(encoded, { maxNewTokens: 40, minNewTokens: 40 })) {
      expect(tokens).toHaveLength(2)
      allocations.push(backend.memory.allocations)
    }
    expect(allocations).toHaveLength(40)
    expect(new Set(allocations).size).toBe(1)
  })

  test('loading, generating and disposing again and again does not grow the memory', async () => {
    const backend = await start()
    const once = async () => {
      const reader = await T5ForConditionalGeneration.fromPretrained(READER, { backend })
      await reader.generate({ inputIds: [[50, 60, 70]] }, { maxNewTokens: 8 })
      reader.dispose()
      return backend.memory
    }
    await once()
    await once() // free pieces have found their places
    const { byteLength, used } = await once()
    for (let i = 0; i < 5; i++) expect(await once()).toMatchObject({ byteLength, used })
  })

  test('a generation that is left early gives its cache back', async () => {
    const backend = await start()
    const reader = await T5ForConditionalGeneration.fromPretrained(READER, { backend })
    const encoded = await reader.encode({ inputIds: [[50, 60, 70]] })
    await reader.generateFrom(encoded, { maxNewTokens: 2 })
    const { used } = backend.memory
    for await (const step of reader.stream(encoded, { maxNewTokens: 30 })) {
      expect(step.tokens).toHaveLength(1)
      break
    }
    expect(backend.memory.used).toBe(used)
  })
})

describe('the heap', () => {
  const heapOf = (pages: number, maximum = 64) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum })
    return new Heap(memory, 1024, () => {})
  }

  test('blocks never overlap, freed ones are joined and used again', () => {
    const heap = heapOf(2)
    const next = randomNumbers(1)
    const held = new Map<number, number>()
    for (let i = 0; i < 3000; i++) {
      if (held.size > 0 && next() < 0) {
        const [address] = [...held.keys()].slice(Math.floor(((next() + 1) / 2) * held.size))
        heap.free(address)
        held.delete(address)
      } else {
        const bytes = Math.ceil((next() + 1) * 2000)
        const address = heap.allocate(bytes)
        expect(address % 64).toBe(0)
        for (const [other, size] of held) expect(address + bytes <= other || other + size <= address).toBe(true)
        held.set(address, bytes)
      }
    }
    for (const address of held.keys()) heap.free(address)
    expect(heap.used).toBe(0)
    const { byteLength } = heap
    heap.allocate(byteLength - 1024) // one piece again
    expect(heap.byteLength).toBe(byteLength)
  })

  test('a memory that cannot grow gives a typed error', () => {
    expect(() => heapOf(1, 2).allocate(3 * 65536)).toThrow(expect.objectContaining({ code: 'out-of-memory' }))
  })

  test('a block is freed once', () => {
    const heap = heapOf(1)
    const address = heap.allocate(10)
    heap.free(address)
    expect(() => heap.free(address)).toThrow('is not the address of a block')
  })
})

describe('the arena', () => {
  test('a scope takes off what was put on since its beginning; the next pass needs one chunk', () => {
    const heap = new Heap(new WebAssembly.Memory({ initial: 64 }), 64, () => {})
    const arena = new Arena(heap)
    const first = arena.allocate(100)
    const mark = arena.mark()
    const above = arena.allocate(100)
    expect(arena.isAbove(above, mark)).toBe(true)
    expect(arena.isAbove(first, mark)).toBe(false)
    arena.release(mark)
    expect(arena.allocate(100)).toBe(above)
    arena.allocate(400_000) // more than the first chunk holds
    arena.reset()
    arena.allocate(600_000)
    const { allocations } = heap
    arena.reset()
    arena.allocate(600_000)
    expect(heap.allocations).toBe(allocations)
    arena.dispose()
    expect(heap.used).toBe(0)
  })
})
