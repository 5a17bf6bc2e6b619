import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Folder } from '../../src/files/folder.js'
import { AutoModel, BertModel, T5EncoderModel, T5ForConditionalGeneration } from '../../src/models/index.js'
import { SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { changedFolder, countingFolder } from '../support/folders.js'
import { goldenJson, goldenPath } from '../support/goldens.js'

const T5 = goldenPath('t5/gated-tied')
const BERT = goldenPath('bert/base')
const BART = goldenPath('bart/base')
const t5Config = goldenJson<Record<string, unknown>>('t5/gated-tied/config.json')
const bertConfig = goldenJson<Record<string, unknown>>('bert/base/config.json')
const bartConfig = goldenJson<Record<string, unknown>>('bart/base/config.json')

/** The folder with other tensors in its checkpoint. */
async function withTensors(path: string, change: (tensors: Map<string, Tensor>) => void): Promise<Folder> {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(`${path}/model.safetensors`)))
  const tensors = new Map<string, Tensor>()
  for (const name of file.tensors.keys()) tensors.set(name, await file.tensor(name))
  change(tensors)
  return changedFolder(path, 'model.safetensors', writeSafetensors(tensors))
}

const refused = (code: string, message: string) => ({ code, message: expect.stringContaining(message) as string })

describe('weights that do not fit are refused by name and shape', () => {
  test.each<[string, (tensors: Map<string, Tensor>) => void, string]>([
    [
      'a tensor is missing',
      (tensors) => tensors.delete('decoder.final_layer_norm.weight'),
      'missing: decoder.final_layer_norm.weight [',
    ],
    [
      'a tensor has another shape',
      (tensors) => tensors.set('encoder.final_layer_norm.weight', Tensor.zeros('float32', [7])),
      'misshapen: encoder.final_layer_norm.weight is [7], the config asks for [',
    ],
    [
      'a tensor is not used',
      (tensors) => tensors.set('decoder.block.0.layer.0.SelfAttention.surprise', Tensor.zeros('float32', [2, 3])),
      'unused: decoder.block.0.layer.0.SelfAttention.surprise [2, 3]',
    ],
    [
      'a tensor holds integers',
      (tensors) => {
        const { shape } = tensors.get('shared.weight')!
        tensors.set('shared.weight', Tensor.zeros('int32', shape))
      },
      'not a float: shared.weight is int32',
    ],
  ])('%s', async (_name, change, message) => {
    const load = T5ForConditionalGeneration.fromPretrained(await withTensors(T5, change))
    await expect(load).rejects.toMatchObject({ name: 'WeightsError', ...refused('weights-mismatch', message) })
  })

  test('all of them at once, before a single tensor is read', async () => {
    const { folder, reads } = countingFolder(T5)
    const changed: Folder = {
      ...folder,
      open: (file) =>
        file === 'config.json' ? changedFolder(T5, file, { ...t5Config, d_ff: 3 }).open(file) : folder.open(file),
    }
    const load = T5ForConditionalGeneration.fromPretrained(changed)
    await expect(load).rejects.toThrow(/misshapen: encoder\.block\.0\..*\n.*misshapen: encoder\.block\.0\./)
    expect(reads.get('model.safetensors')).toHaveLength(2) // the header's length, and the header
  })

  test.each([
    [
      'the embedding once more',
      (tensors: Map<string, Tensor>) => tensors.set('encoder.embed_tokens.weight', tensors.get('shared.weight')!),
    ],
    ['a tied head', (tensors: Map<string, Tensor>) => tensors.set('lm_head.weight', tensors.get('shared.weight')!)],
  ])('but a checkpoint may hold %s', async (_name, change) => {
    await T5ForConditionalGeneration.fromPretrained(await withTensors(T5, change))
  })
})

describe('a folder that is no model is refused', () => {
  test.each([
    ['without config.json', changedFolder(T5, 'config.json', undefined), 'file-not-found', 'there is no config.json'],
    [
      'without weights',
      changedFolder(T5, 'model.safetensors', undefined),
      'file-not-found',
      'there is no model.safetensors',
    ],
    [
      'with a config that is cut',
      changedFolder(T5, 'config.json', JSON.stringify(t5Config).slice(0, 100)),
      'not-json',
      'config.json: not valid JSON',
    ],
    [
      'with a config that is a list',
      changedFolder(T5, 'config.json', []),
      'config-type',
      'expected a JSON object, got []',
    ],
    [
      'with a config that is no text',
      changedFolder(T5, 'config.json', Uint8Array.of(0xff, 0xfe, 0)),
      'not-utf8',
      'not valid UTF-8',
    ],
    [
      'with weights that are cut',
      changedFolder(T5, 'model.safetensors', new Uint8Array(readFileSync(`${T5}/model.safetensors`)).subarray(0, -1)),
      'truncated',
      'download it again',
    ],
    [
      'with a broken generation_config.json',
      changedFolder(T5, 'generation_config.json', '{'),
      'not-json',
      'generation_config.json',
    ],
    [
      'of another family',
      changedFolder(T5, 'config.json', bertConfig),
      'wrong-family',
      'model_type is "bert", this class loads "t5"',
    ],
    [
      'without a family',
      changedFolder(T5, 'config.json', { ...t5Config, model_type: undefined }),
      'config-missing',
      '"model_type" is missing',
    ],
  ])('%s', async (_name, folder, code, message) => {
    await expect(T5ForConditionalGeneration.fromPretrained(folder)).rejects.toMatchObject(refused(code, message))
  })

  test('that does not exist, with its path', async () => {
    await expect(T5ForConditionalGeneration.fromPretrained('/no/such/folder')).rejects.toMatchObject(
      refused(
        'file-not-found',
        '/no/such/folder: there is no config.json, which a Hugging Face model folder has; check the path',
      ),
    )
  })
})

describe('config.json is checked before memory is taken', () => {
  const HUGE = 2 ** 40
  const t5 = [
    'num_layers',
    'num_decoder_layers',
    'd_model',
    'd_kv',
    'd_ff',
    'num_heads',
    'vocab_size',
    'relative_attention_num_buckets',
  ]
  const bert = [
    'num_hidden_layers',
    'hidden_size',
    'num_attention_heads',
    'intermediate_size',
    'vocab_size',
    'max_position_embeddings',
    'type_vocab_size',
  ]
  const cases = [
    ...t5.map((field) => ({ path: T5, config: t5Config, field })),
    ...bert.map((field) => ({ path: BERT, config: bertConfig, field })),
  ]

  test.each(cases.flatMap((one) => [0, -1, 1.5, '8', null, true].map((value) => ({ ...one, value }))))(
    '$config.model_type: $field is $value',
    async ({ path, config, field, value }) => {
      if (value === null && /decoder_layers|buckets|type_vocab/.test(field)) return // has a default
      const load = AutoModel.fromPretrained(changedFolder(path, 'config.json', { ...config, [field]: value }))
      await expect(load).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining(`"${field}" is`) as string,
      })
    },
  )

  test.each(cases)('$config.model_type: $field is huge', async ({ path, config, field }) => {
    const before = process.memoryUsage()
    const load = AutoModel.fromPretrained(changedFolder(path, 'config.json', { ...config, [field]: HUGE }))
    await expect(load).rejects.toMatchObject({ name: expect.stringMatching(/^(Config|Weights)Error$/) as string })
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 * 2 ** 20)
  })

  test('an activation, a position embedding or a class that is not there', async () => {
    const load = (path: string, fields: object) => AutoModel.fromPretrained(changedFolder(path, 'config.json', fields))
    await expect(load(T5, { ...t5Config, feed_forward_proj: 'gated-magic' })).rejects.toMatchObject(
      refused('config-type', '"feed_forward_proj" is "gated-magic", expected one of'),
    )
    await expect(load(BERT, { ...bertConfig, hidden_act: 'magic' })).rejects.toMatchObject(
      refused('config-type', '"hidden_act" is "magic", expected one of'),
    )
    await expect(load(BERT, { ...bertConfig, position_embedding_type: 'relative_key' })).rejects.toMatchObject(
      refused('config-type', '"position_embedding_type"'),
    )
    await expect(load(BART, { ...bartConfig, architectures: ['BartForMindReading'] })).rejects.toMatchObject(
      refused('unknown-class', 'bart has no class for model; it has BartForConditionalGeneration'),
    )
    await expect(load(T5, { ...t5Config, model_type: 'mamba' })).rejects.toMatchObject(
      refused('unknown-family', 'model_type "mamba" is not supported; known: bert, distilbert,'),
    )
  })
})

describe('only what is needed is read', () => {
  /** Names of the tensors whose bytes were read. */
  async function tensorsRead(path: string, load: (folder: Folder) => Promise<unknown>): Promise<Set<string>> {
    const { folder, reads } = countingFolder(path)
    await load(folder)
    const bytes = new Uint8Array(readFileSync(`${path}/model.safetensors`))
    const dataStart = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
    const { tensors } = await SafetensorsFile.open(bytes)
    const touched = [...tensors].filter(([, { begin, end }]) =>
      reads.get('model.safetensors')!.some((read) => read.start < dataStart + end && dataStart + begin < read.end),
    )
    return new Set(touched.map(([name]) => name))
  }

  test('BERT without its pooling layer, which the file has', async () => {
    const all = await tensorsRead(BERT, (folder) => BertModel.fromPretrained(folder))
    const some = await tensorsRead(BERT, (folder) => BertModel.fromPretrained(folder, { addPoolingLayer: false }))
    expect([...all].filter((name) => !some.has(name))).toEqual(['pooler.dense.bias', 'pooler.dense.weight'])
  })

  test('every tensor once, and the header', async () => {
    const { folder, reads } = countingFolder(T5)
    await T5ForConditionalGeneration.fromPretrained(folder)
    const bytes = reads.get('model.safetensors')!.reduce((sum, { start, end }) => sum + end - start, 0)
    expect(bytes).toBe(readFileSync(`${T5}/model.safetensors`).length)
  })

  test('T5EncoderModel of a file that has a decoder too', async () => {
    const read = await tensorsRead(T5, (folder) => T5EncoderModel.fromPretrained(folder))
    expect([...read].filter((name) => name.startsWith('decoder'))).toEqual([])
  })

  test('loading says how far it is, and stops when it is cancelled', async () => {
    const steps: number[] = []
    let total = 0
    const controller = new AbortController()
    await T5ForConditionalGeneration.fromPretrained(T5, {
      onProgress: (done, all) => (steps.push(done), (total = all)),
    })
    expect(steps).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    const load = T5ForConditionalGeneration.fromPretrained(T5, {
      signal: controller.signal,
      onProgress: (done) => done === 3 && controller.abort(),
    })
    await expect(load).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('a checkpoint whose 8-bit matrices do not fit their scales is closed again', async () => {
  const good = await withTensors(BERT, (tensors) => {
    tensors.set('x', Tensor.zeros('int8', [2, 3]))
    tensors.set('x_scale', Tensor.zeros('float32', [5]))
  })
  let [opened, closed] = [0, 0]
  const folder: Folder = {
    ...good,
    open: async (file) => {
      const source = await good.open(file)
      if (source) opened++
      return source && { ...source, close: async () => void closed++ }
    },
  }
  await expect(BertModel.fromPretrained(folder)).rejects.toMatchObject({ name: 'QuantizedTensorError' })
  expect(closed).toBe(opened)
})
