import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { memoryFolder } from '../../src/files/folder.js'
import { openPretrained } from '../../src/hub/index.js'
import { AutoModelForCausalLM, BertModel, LlamaForCausalLM } from '../../src/models/index.js'
import { openCheckpoint } from '../../src/safetensors/index.js'
import { rowMajor } from '../../src/tensor/ops/float.js'
import { goldenCase, goldenPath, goldenTensors } from '../support/goldens.js'
import { GgufBytes } from '../support/gguf-bytes.js'
import { greedyCases } from '../support/greedy.js'
import { expectOutputs } from '../support/outputs.js'

const DECODERS = ['llama/untied', 'llama/scaled-biased', 'qwen2/base', 'qwen3/base', 'gemma3/base']

const ggufOf = (folder: string) => goldenPath('gguf', `${folder.replace('/', '-')}.gguf`)

describe.each([...DECODERS, 'bert/base'])('the GGUF of %s', (folder) => {
  test('has the tensors of its safetensors file, under their names', async () => {
    const wanted = await openCheckpoint(await openPretrained(goldenPath(folder)))
    const got = await openCheckpoint(await openPretrained(ggufOf(folder)))
    const names = [...wanted.tensors.keys()].filter((name) => !name.startsWith('pooler.'))
    expect([...got.tensors.keys()].toSorted()).toEqual(names.toSorted())
    for (const name of names) {
      const [ours, theirs] = [await got.tensor(name), await wanted.tensor(name)]
      expect(ours.shape, name).toEqual(theirs.shape)
      // 1 was added to Gemma's norms, which rounds them
      const error = folder.startsWith('gemma') && name.endsWith('norm.weight') ? 2 ** -22 : 0
      const values = rowMajor(theirs.to('float32'))
      const worst = rowMajor(ours.to('float32')).reduce(
        (most, value, i) => Math.max(most, Math.abs(value - values[i])),
        0,
      )
      expect(worst, name).toBeLessThanOrEqual(error)
    }
    await got.close()
    await wanted.close()
  })
})

describe.each(DECODERS)('the GGUF of %s', (folder) => {
  test('gives what transformers gives', async () => {
    const model = await AutoModelForCausalLM.fromPretrained(ggufOf(folder))
    const { file, outputs } = goldenCase(folder).forward[0]
    const golden = await goldenTensors(folder, file)
    const inputs = { inputIds: golden.ids('input_ids'), attentionMask: golden.ids('attention_mask') }
    const options = { outputHiddenStates: true, outputAttentions: true }
    expectOutputs(await model.forward(inputs, options), { golden, outputs })
    for (const { options, ...greedy } of greedyCases(folder)) {
      const inputs = { inputIds: greedy.input_ids, attentionMask: greedy.attention_mask }
      const { sequences } = await model.generate(inputs, { ...options, eosTokenId: 2, padTokenId: 0 })
      expect(sequences).toEqual(greedy.output_ids)
    }
    model.dispose()
  })
})

test('a BERT gives the states of transformers, without a pooling layer', async () => {
  const model = await BertModel.fromPretrained(ggufOf('bert/base'), { addPoolingLayer: false })
  const golden = await goldenTensors('bert/base', 'expected.safetensors')
  const output = await model.forward({
    inputIds: golden.ids('input_ids'),
    attentionMask: golden.ids('attention_mask'),
    tokenTypeIds: golden.ids('token_type_ids'),
  })
  expectOutputs(output, { golden, outputs: ['last_hidden_state'] })
  model.dispose()
})

describe('a GGUF is named', () => {
  const bytes = new Uint8Array(readFileSync(ggufOf('llama/untied')))

  test.each([
    ['by its path', ggufOf('llama/untied')],
    ['by its file URL', new URL(`file://${ggufOf('llama/untied')}`)],
    ['among files by name', new Map([['any.gguf', bytes]])],
  ])('%s', async (_, location) => {
    const model = await LlamaForCausalLM.fromPretrained(location)
    expect(model.config.numHiddenLayers).toBe(2)
    model.dispose()
  })

  test('as a file of a model on a hub, or the location is refused', async () => {
    await expect(openPretrained('hub:org/name')).rejects.toMatchObject({ code: 'bad-location' })
    const folder = await openPretrained('hub:org/name/file.gguf', {
      localFilesOnly: true,
      cacheDir: goldenPath('none'),
    })
    expect(folder.name).toBe('org/name/file.gguf')
    await expect(folder.open('config.json')).rejects.toMatchObject({ code: 'hub-not-cached' })
  })

  test('and missing, it is an error that says so', async () => {
    await expect(LlamaForCausalLM.fromPretrained('none/none.gguf')).rejects.toMatchObject({ code: 'file-not-found' })
  })
})

describe('refused is', () => {
  const fileWith = (build: (bytes: GgufBytes) => GgufBytes, keys: number) =>
    memoryFolder(new Map([['m.gguf', build(new GgufBytes().start(0, keys)).done()]]), 'memory')
  const open = async (build: (bytes: GgufBytes) => GgufBytes, keys: number) => {
    const { GgufFolder } = await import('../../src/gguf/index.js')
    return new GgufFolder(fileWith(build, keys), 'm.gguf').open('config.json')
  }

  test('an architecture that is not known, by an error that lists those that are', async () => {
    const opened = open((bytes) => bytes.entry('general.architecture', 'mamba'), 1)
    await expect(opened).rejects.toThrow(/llama, qwen2, qwen3, gemma3, bert/)
    await expect(opened).rejects.toMatchObject({ code: 'gguf-architecture' })
  })

  test('a mixture of experts', async () => {
    const build = (bytes: GgufBytes) =>
      bytes.entry('general.architecture', 'llama').text('llama.expert_count').uint32(4).uint32(8)
    await expect(open(build, 2)).rejects.toMatchObject({ code: 'gguf-architecture' })
  })

  test('a file without an architecture', async () => {
    await expect(open((bytes) => bytes, 0)).rejects.toMatchObject({ code: 'config-missing' })
  })
})
