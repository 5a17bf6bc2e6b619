/**
 * Reads what a model's folder holds, as a user's program does: opens it and runs it a little.
 */
import { readFileSync } from 'node:fs'
import { referenceBackend } from '../../../src/backends/index.js'
import { memoryFolder } from '../../../src/files/folder.js'
import { GgufFile } from '../../../src/gguf/index.js'
import { AutoModel, AutoModelForGeneration } from '../../../src/models/index.js'
import { SentenceEncoder } from '../../../src/rag/index.js'
import { parseCorpus } from '../../../src/rag/finding/corpus.js'
import { openCheckpoint, SafetensorsFile, widenQuantized } from '../../../src/safetensors/index.js'
import { AutoTokenizer } from '../../../src/tokenizer/index.js'
import { loadTrace, saveTrace } from '../../../src/trace/index.js'

import { wordTokenizer } from '../../support/small-tokenizers.js'
import { filesOf, inputOf, type NamedFile } from '../mutate/files.js'
import { toBytes, toText } from '../mutate/mutate.js'

const golden = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../goldens/${path}`, import.meta.url)))
const json = (value: object): Uint8Array => toBytes(JSON.stringify(value))

export async function readSafetensors(input: Uint8Array): Promise<void> {
  const file = widenQuantized(await SafetensorsFile.open(input))
  for (const name of file.tensors.keys()) await file.tensor(name)
}

export const safetensorsSeeds = (): Uint8Array[] =>
  ['dtypes/every-dtype', 'malformed/scalar-and-empty', 'malformed/proto-name', 'malformed/metadata-only', 'malformed/unknown-field']
    .map((name) => golden(`safetensors/${name}.safetensors`)) // prettier-ignore

/** The header, every tensor, and the tokenizer and the model that are made of them. */
export async function readGguf(input: Uint8Array): Promise<void> {
  const file = await GgufFile.open(input)
  for (const name of file.tensors.keys()) await file.tensor(name)
  const folder = new Map([['model.gguf', input]])
  if (file.metadata.has('tokenizer.ggml.model')) {
    const tokenizer = await AutoTokenizer.fromPretrained(folder)
    for (const text of TEXTS) tokenizer.decode(tokenizer.encode(text).ids)
  }
  if (!file.metadata.has('general.architecture') || !file.tensors.has('token_embd.weight')) return
  const model = await AutoModel.fromPretrained(folder, { backend: referenceBackend() })
  model.dispose()
}

export const ggufSeeds = (): Uint8Array[] =>
  ['formats', 'bert-base', 'llama-untied', 'qwen3-base', 'tokenizer-bert', 'tokenizer-gpt-2', 'tokenizer-llama', 'tokenizer-qwen2']
    .map((name) => golden(`gguf/${name}.gguf`)) // prettier-ignore

export async function readTrace(input: Uint8Array): Promise<void> {
  const { trace, ...info } = await loadTrace(input)
  saveTrace(trace, info)
}

const SHARDS = 'safetensors/sharded-f32'

/** The index of a checkpoint in shards, which are those of the recorded one. */
export async function readShardIndex(input: Uint8Array): Promise<void> {
  const names = [1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`)
  const files = new Map(names.map((name) => [name, golden(`${SHARDS}/${name}`)]))
  const checkpoint = await openCheckpoint(memoryFolder(files.set('model.safetensors.index.json', input)))
  for (const name of checkpoint.tensors.keys()) await checkpoint.tensor(name)
  await checkpoint.close()
}

export const shardIndexSeeds = (): Uint8Array[] => [golden(`${SHARDS}/model.safetensors.index.json`)]

const TEXTS = [
  'The capital of France is Paris.',
  ' \n\t',
  'don’t 12,345 é👩‍👧 日本',
  '<s> [CLS] </s>',
  `${'a'.repeat(300)} b`,
]

/** tokenizer.json, and tokenizer_config.json where there is one. */
export async function readTokenizer(input: Uint8Array): Promise<void> {
  const { files } = filesOf(input)
  const tokenizer = await AutoTokenizer.fromPretrained(memoryFolder(contents(files)))
  for (const text of TEXTS) {
    const { ids } = tokenizer.encode(text)
    tokenizer.decode(ids)
    tokenizer.decode(ids, { skipSpecialTokens: false })
    tokenizer.encode(text, { pair: TEXTS[0], maxLength: 16, truncate: true })
    tokenizer.offsets(text)
  }
}

/** One whose vocabulary is not so large that a mutation seldom meets anything else. */
export const tokenizerSeeds = (): Uint8Array[] =>
  [
    'bytelevel-bpe-bart',
    'bytelevel-bpe-gpt2',
    'bytelevel-bpe-split',
    'wordpiece-cased',
    'wordpiece-uncased',
    'unigram-t5',
  ].map((name) => {
    const file = JSON.parse(toText(golden(`tokenizers/${name}/tokenizer.json`))) as TokenizerFile
    const { vocab, merges } = file.model
    const { normalizer } = file
    const few = Array.isArray(vocab) ? vocab.slice(0, 300) : Object.fromEntries(Object.entries(vocab).slice(0, 300))
    const known = (merge: string | readonly string[]) =>
      [merge]
        .flat()
        .join('')
        .split(' ')
        .every((part) => Object.hasOwn(few, part))
    const model = { ...file.model, vocab: few, ...(merges && { merges: merges.filter(known).slice(0, 60) }) }
    return inputOf('', [
      {
        name: 'tokenizer.json',
        content: json({
          ...file,
          normalizer: JSON.stringify(normalizer).includes('Precompiled') ? null : normalizer,
          model,
        }),
      },
      {
        name: 'tokenizer_config.json',
        content: json({ pad_token: '<pad>', chat_template: '{{ messages[0].content }}' }),
      },
    ])
  })

interface TokenizerFile {
  /** A precompiled one is a table of 330 kB. */
  readonly normalizer: object | null
  readonly model: {
    readonly vocab: readonly unknown[] | Readonly<Record<string, number>>
    readonly merges?: readonly (string | readonly string[])[]
  }
}

/** The small files of a model, beside the weights of the recorded one that the first line names. */
export async function readModelFolder(input: Uint8Array): Promise<void> {
  const { head, files } = filesOf(input)
  const name = head.trim()
  if (!FOLDERS.includes(name)) return // the first line was hit
  const folder = memoryFolder(
    new Map([
      ['tokenizer.json', json(wordTokenizer)],
      ['model.safetensors', golden(`${name}/model.safetensors`)],
      ...contents(files),
    ]),
  )
  const backend = referenceBackend()
  if (GENERATIVE.includes(name)) {
    const model = await AutoModelForGeneration.fromPretrained(folder, { backend })
    await model.generate({ inputIds: [[5, 6, 7]] }, { maxNewTokens: 2 })
    return model.dispose()
  }
  if (HEADS.includes(name)) return (await AutoModel.fromPretrained(folder, { backend })).dispose()
  const encoder = await SentenceEncoder.fromPretrained(folder, { backend })
  await encoder.embed(['w1 w2 w3'])
  encoder.dispose()
}

const HEADS = [
  'bert/sequence-classification',
  'distilbert/question-answering',
  'mpnet/question-answering',
  'dpr/reader',
]
const GENERATIVE = [
  'bart/base',
  't5/gated-tied',
  'gpt2/scaled-untied',
  'llama/scaled-biased',
  'qwen2/base',
  'qwen3/base',
]
const ENCODERS = ['bert/base', 'distilbert/base', 'roberta/base', 'mpnet/more-buckets', 't5/encoder']
const FOLDERS = [...HEADS, ...GENERATIVE, ...ENCODERS]

const SENTENCE_FILES: readonly NamedFile[] = [
  {
    name: 'modules.json',
    content: json([
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      { idx: 2, name: '2', path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
    ]),
  },
  {
    name: '1_Pooling/config.json',
    content: json({ word_embedding_dimension: 32, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }),
  },
  { name: 'sentence_bert_config.json', content: json({ max_seq_length: 16, do_lower_case: false }) },
]

export const modelFolderSeeds = (): Uint8Array[] =>
  FOLDERS.map((name) => {
    const config: NamedFile = { name: 'config.json', content: golden(`${name}/config.json`) }
    const generation: NamedFile = {
      name: 'generation_config.json',
      content: json({
        max_new_tokens: 4,
        num_beams: 2,
        eos_token_id: [1, 2],
        pad_token_id: 0,
        top_k: 5,
        temperature: 0.7,
      }),
    }
    const others = GENERATIVE.includes(name) ? [generation] : ENCODERS.includes(name) ? SENTENCE_FILES : []
    return inputOf(`${name}\n`, [config, ...others])
  })

export async function readCorpus(input: Uint8Array): Promise<void> {
  parseCorpus(toText(input), 'passages.jsonl')
}

export const corpusSeeds = (): Uint8Array[] => [
  toBytes(
    '{"id": "1", "title": "France", "text": "France is a country."}\n\n{"text": "Tea.", "id": "2"}\r\n{"text": "\\u00e9"}\n',
  ),
]

function contents(files: readonly NamedFile[]): Map<string, Uint8Array> {
  return new Map(files.map(({ name, content }) => [name, content]))
}
