import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.js'
import {
  FlatIndex,
  RagRetriever,
  RagSequenceForGeneration,
  RagTokenForGeneration,
  RagTokenizer,
} from '../../../src/rag/index.js'
import { goldenPath } from '../../support/goldens.js'
import { PASSAGES, ragFolder } from '../../support/rag-folder.js'

const QUESTIONS = ['What is the capital of France?', 'Spain?']
const files = await ragFolder('rag/sequence-bart')
const retriever = await RagRetriever.fromPretrained(files)
const load = () => RagSequenceForGeneration.fromPretrained(files, { retriever, backend: referenceBackend() })
const tokenizer = await RagTokenizer.fromPretrained(files)

describe('RagTokenizer', () => {
  test('reads questions with the one tokenizer and writes answers with the other', () => {
    const { inputIds, attentionMask } = tokenizer(QUESTIONS)
    expect(inputIds.map((row) => row.length)).toEqual([9, 9])
    expect(inputIds[1][0]).toBe(tokenizer.questionEncoder.tokenToId('[CLS]'))
    expect(attentionMask[1]).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0])
    const answer = tokenizer.generator.encode('the capital').ids
    expect(tokenizer.batchDecode([answer])).toEqual(['<s> the capital </s>'])
    expect(tokenizer.batchDecode({ sequences: [answer] }, { skipSpecialTokens: true })).toEqual(['the capital'])
    expect(tokenizer.decode(answer, { skipSpecialTokens: true })).toBe('the capital')
  })
})

describe('RagRetriever', () => {
  test('writes title, text and question with the separators, without quotes around the title and double spaces', () => {
    expect(retriever.contextText(PASSAGES[0], 'q?')).toBe('France / The capital of France is Paris. // q?')
    expect(retriever.contextText(PASSAGES[2], 'q?', 'ask: ')).toBe('ask: Paris / Paris is a city in France. // q?')
  })

  test('gives the passages with the largest dot products, and as scores these', async () => {
    const model = await load()
    const { inputIds, attentionMask } = tokenizer(QUESTIONS)
    const { poolerOutput } = await model.questionEncoder.forward({ inputIds, attentionMask })
    const found = await retriever.retrieve(inputIds, poolerOutput, { nDocs: 4 })
    expect(found.contextInputIds).toHaveLength(8)
    for (const row of found.docScores) expect(row).toEqual(row.toSorted((a, b) => b - a))
    for (const [question, passages] of found.passages.entries()) {
      expect(passages.map(({ id }) => id).toSorted()).toEqual(['1', '2', '3', '4'])
      const text = retriever.contextText(passages[0], tokenizer.questionEncoder.decode(inputIds[question]))
      const { ids } = tokenizer.generator.encode(text, { maxLength: 40, truncate: true })
      expect(found.contextInputIds[4 * question].slice(0, ids.length)).toEqual(ids)
    }
  })

  test('an index of the caller is asked with the question vector', async () => {
    const vectors = Float32Array.from({ length: PASSAGES.length * 32 }, (_, i) =>
      i % 32 === Math.floor(i / 32) ? 1 : 0,
    )
    const indexedDataset = { passages: PASSAGES, index: FlatIndex.fromVectors(vectors, 32) } // vector i is axis i
    const own = await RagRetriever.fromPretrained(files, { indexedDataset })
    const model = await load()
    const question = await model.questionEncoder.forward(tokenizer('What?'))
    const { docScores, passages } = await own.retrieve(tokenizer('What?').inputIds, question.poolerOutput, { nDocs: 2 })
    const coordinates = question.poolerOutput.toArray().slice(0, 4)
    const best = coordinates.map((_, i) => i).toSorted((a, b) => coordinates[b] - coordinates[a])
    expect(passages[0].map(({ id }) => Number(id) - 1)).toEqual(best.slice(0, 2))
    docScores[0].forEach((score, i) => expect(score).toBeCloseTo(coordinates[best[i]], 5))
  })

  test('says what is missing', async () => {
    const without = (...names: string[]) => new Map([...files].filter(([name]) => !names.includes(name)))
    const open = (...names: string[]) => RagRetriever.fromPretrained(without(...names))
    await expect(open('passages.jsonl')).rejects.toThrow('there is no passages.jsonl; a data set with a FAISS index')
    await expect(open('index.bin')).rejects.toThrow('there is no index.bin')
    const other = new Map(files).set('passages.jsonl', new TextEncoder().encode('{"text": "Another."}'))
    await expect(RagRetriever.fromPretrained(other)).rejects.toMatchObject({ code: 'other-corpus' })
    const model = await load()
    await expect(model.generate(tokenizer('What?'), { nDocs: 9 })).rejects.toThrow('nDocs is 9, there are 4 passages')
  })
})

describe('a model with a retriever', () => {
  test('answers as one that is given what the retriever finds', async () => {
    const model = await load()
    const inputs = tokenizer(QUESTIONS)
    const contexts = await model.contexts(inputs)
    const given = await RagSequenceForGeneration.fromPretrained(files, { backend: referenceBackend() })
    const { docScores, contextInputIds, contextAttentionMask } = contexts
    const options = { numBeams: 2, maxNewTokens: 6 }
    const { sequences, passages } = await model.generate(inputs, options)
    expect(passages).toHaveLength(2)
    const same = await given.generate({ docScores, contextInputIds, contextAttentionMask }, options)
    expect(same.sequences).toEqual(sequences)
    expect(same.passages).toBeUndefined()
    await expect(given.generate(inputs)).rejects.toThrow('pass inputIds to a model with a retriever')
    await expect(given.generate({ contextInputIds })).rejects.toThrow('need docScores')
    await expect(given.generate({ contextInputIds, docScores: [[1, 2, 3]] })).rejects.toThrow('do not fit 3 passages')
  })

  test('fast decoding never finds an answer more likely than thorough decoding does, and both agree on one passage', async () => {
    const model = await load()
    const inputs = tokenizer(QUESTIONS)
    // Without forced tokens the search's log-probabilities are the model's.
    const options = { numBeams: 3, maxNewTokens: 5, nDocs: 1, numReturnSequences: 3 }
    const fast = await model.generate(inputs, { ...options, decoding: 'fast' })
    const thorough = await model.generate(inputs, options)
    expect(fast.sequences.map(String).toSorted()).toEqual(thorough.sequences.map(String).toSorted())
    await expect(model.generate(inputs, { decoding: 'slow' as never })).rejects.toThrow('expected thorough or fast')
    await expect(model.generate(inputs, { numBeams: 1, nDocs: 1, numReturnSequences: 2 })).rejects.toThrow(
      '1 different answers were found',
    )
  })
})

describe('RAG-Token', () => {
  const contexts = {
    contextInputIds: [[0, 5, 6, 2], [0, 9, 2, 1], [0, 33, 8, 2]], // prettier-ignore
    contextAttentionMask: [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]], // prettier-ignore
    docScores: [[1, 2, 0.5]],
  }

  test('streams, samples and stops as every model does', async () => {
    const model = await RagTokenForGeneration.fromPretrained(goldenPath('rag/token-bart'), {
      backend: referenceBackend(),
    })
    const { sequences } = await model.generate(contexts, { maxLength: 8 })
    const streamed: number[] = []
    for await (const { tokens } of model.stream(contexts, { maxLength: 8 })) streamed.push(...tokens)
    expect(streamed).toEqual(sequences[0].slice(1))
    const sampled = { doSample: true, seed: 5, maxNewTokens: 7, numReturnSequences: 4, temperature: 3, topK: 0 }
    const samples = await model.generate(contexts, sampled)
    expect(new Set(samples.sequences.map(String)).size).toBeGreaterThan(1)
    expect(await model.generate(contexts, sampled)).toEqual(samples)
    const controller = new AbortController()
    controller.abort()
    await expect(model.generate(contexts, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' })
    const long = await model.generate(contexts, { minLength: 30 })
    expect(long.sequences[0]).toHaveLength(20)
  })
})
