import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend, type WasmBackend } from '../../src/backends/index.js'
import { Rag, Reader } from '../../src/rag/index.js'
import type { Scene } from '../../web/protocol.js'
import { describeModel } from '../../web/engine/describe.js'
import { Walker } from '../../web/engine/walk.js'
import { weightsPath } from '../support/weights.js'

const FRANCE = { id: 'fr', title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const OTHERS = Array.from({ length: 8 }, (_, i) => ({
  id: `${i}`,
  title: '',
  text: `Place ${i} is a town by a river.`,
}))
const SCENE: Scene = {
  question: 'What is the capital of France?',
  passages: [FRANCE, ...OTHERS],
  served: false,
  topK: 5,
  mode: 'conditioned',
  dropped: [],
  scores: {},
  ablated: [],
}

describe('a walk', () => {
  let backend: WasmBackend
  let reader: Reader
  let rag: Rag
  let walker: Walker
  beforeAll(async () => {
    backend = await wasmBackend({ threads: 1 })
    reader = await Reader.fromPretrained(weightsPath('reader'), { backend })
    rag = await Rag.fromPretrained(weightsPath(), { backend, reader })
    const info = { reader: describeModel(reader.model, reader.tokenizer, { name: '', family: 't5', parameters: 0 }) }
    walker = new Walker({ reader, retriever: await rag.retriever(), info } as ConstructorParameters<typeof Walker>[0])
  })
  afterAll(() => {
    rag?.dispose()
    reader?.dispose()
    backend?.dispose()
  })

  test('gives the answer of Rag.ask, number for number', async () => {
    const { signal } = new AbortController()
    for (const mode of ['conditioned', 'rag-sequence', 'rag-token'] as const) {
      const { walk } = await walker.walk({ ...SCENE, mode }, { onWriting: () => {}, signal })
      const asked = await rag.ask(SCENE.question, { passages: SCENE.passages, topK: SCENE.topK, mode, sources: true })
      expect(walk.answer).toEqual(asked)
    }
  })

  test('that is cancelled, wherever it is, leaves no memory behind', async () => {
    const walk = (options: Parameters<Walker['walk']>[1]) => walker.walk(SCENE, options)
    await walk({ onWriting: () => {}, signal: new AbortController().signal })
    const { used } = backend.memory
    await expect(walk({ onWriting: () => {}, signal: AbortSignal.abort() })).rejects.toThrow('cancelled')
    for (const piece of [1, 3, 6]) {
      const controller = new AbortController()
      let pieces = 0
      const onWriting = () => ++pieces === piece && controller.abort()
      await expect(walk({ onWriting, signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
      expect(pieces).toBe(piece)
      expect(backend.memory.used).toBe(used)
    }
  })
})
