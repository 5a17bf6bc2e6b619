import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  T5ForConditionalGeneration,
} from '../../src/models/index.js'
import { RagRetriever, RagTokenizer, RagTokenForGeneration, SentenceEncoder } from '../../src/rag/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { filesOf, REPOSITORY, sha256 } from '../support/fake-hub.js'
import { runScript } from '../support/cli.js'
import { goldenCase, goldenPath } from '../support/goldens.js'
import { hubTest, listing, temporaryFolder } from '../support/hub-test.js'
import { writeRagFolder } from '../support/rag-folder.js'
import { weightsPath } from '../support/weights.js'

describe('a model by its name', () => {
  test('writes the ids that it writes from its folder', async () => {
    const { options } = await hubTest(filesOf(goldenPath('t5/gated-tied')))
    const [golden] = goldenCase('t5/gated-tied').generate!
    const model = await T5ForConditionalGeneration.fromPretrained(REPOSITORY, options)
    const { sequences } = await model.generate(
      { inputIds: golden.input_ids, attentionMask: golden.attention_mask },
      { maxNewTokens: golden.args.max_new_tokens as number },
    )
    expect(sequences).toEqual(golden.output_ids)
    model.dispose()
  })

  test.each([
    ['AutoModel', AutoModel, 'bert/base'],
    ['AutoModel, in shards', AutoModel, 'safetensors/sharded-bf16'],
    ['AutoModelForSeq2SeqLM', AutoModelForSeq2SeqLM, 't5/gated-tied'],
    ['AutoModelForCausalLM', AutoModelForCausalLM, 'gpt2/base'],
    ['AutoModelForSequenceClassification', AutoModelForSequenceClassification, 'bert/sequence-classification'],
  ])('%s', async (_name, loader, folder) => {
    const { options } = await hubTest(filesOf(goldenPath(folder)))
    const model = await loader.fromPretrained(REPOSITORY, options)
    expect(model.hookPoints().length).toBeGreaterThan(0)
    model.dispose()
  })

  test('tokenizers and sentence encoders', async () => {
    const { options, hub: server } = await hubTest(filesOf(weightsPath('all-MiniLM-L6-v2')))
    const tokenizer = await AutoTokenizer.fromPretrained(REPOSITORY, options)
    expect(tokenizer.encode('hello world').ids).toEqual([101, 7592, 2088, 102])
    expect(server.requests.filter(({ path }) => path.includes('safetensors'))).toEqual([])
    const seen = new Set<string>()
    const encoder = await SentenceEncoder.fromPretrained(REPOSITORY, {
      ...options,
      onDownload: ({ file }) => seen.add(file),
    })
    expect(encoder.name).toBe('tiny-model') // what an index remembers
    expect(seen).toContain('1_Pooling/config.json')
    expect(await encoder.embed(['a cat'])).toHaveLength(384)
    encoder.dispose()
  })

  test('all parts of a RAG model', async () => {
    const path = join(temporaryFolder(), 'rag')
    await writeRagFolder('rag/token-t5', path)
    const { options } = await hubTest(filesOf(path))
    const tokenizer = await RagTokenizer.fromPretrained(REPOSITORY, options)
    const retriever = await RagRetriever.fromPretrained(REPOSITORY, options)
    const model = await RagTokenForGeneration.fromPretrained(REPOSITORY, { ...options, retriever })
    expect(tokenizer('who?').inputIds).toHaveLength(1)
    expect(retriever.config.nDocs).toBe(model.config.nDocs)
    model.dispose()
  })

  test('of pickled weights only: says so, and does not download them to find out', async () => {
    const files = filesOf(goldenPath('bert/base'))
    files.set('pytorch_model.bin', files.get('model.safetensors')!)
    files.delete('model.safetensors')
    const { options, asked } = await hubTest(files)
    await expect(AutoModel.fromPretrained(REPOSITORY, options)).rejects.toThrow(/pytorch_model\.bin can run code/)
    expect(asked().filter((line) => line.includes('pytorch_model.bin'))).toEqual(['hub HEAD pytorch_model.bin'])
  })

  test('stops when its signal fires', async () => {
    const { options } = await hubTest()
    const controller = new AbortController()
    const onDownload = () => controller.abort()
    await expect(
      AutoModel.fromPretrained(REPOSITORY, { ...options, signal: controller.signal, onDownload }),
    ).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('two processes at once share a cache', async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 13 + (i >> 9))
  const { hub: server, options, folder } = await hubTest(new Map([['model.safetensors', bytes]]))
  // both have begun before either can end
  const waiting: (() => void)[] = []
  server.fault = (request, response, content) => {
    if (request.host !== 'storage') return false
    response.writeHead(200, { 'content-length': content!.length }).write(content!.subarray(0, 100_000))
    waiting.push(() => response.end(content!.subarray(100_000)))
    if (waiting.length === 2) waiting.forEach((go) => go())
    return true
  }
  const child = fileURLToPath(new URL('child.ts', import.meta.url))
  const args = [REPOSITORY, options.endpoint!, options.cacheDir!]
  const results = await Promise.all([runScript(child, args), runScript(child, args)])
  for (const result of results) expect(result).toEqual({ code: 0, stdout: `${sha256(bytes)}\n`, stderr: '' })
  expect(listing(join(folder, 'blobs'))).toEqual([sha256(bytes)])
})
