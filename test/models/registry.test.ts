import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import { memoryFolder } from '../../src/files/folder.js'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  BertModel,
  classesOf,
  FAMILIES,
  type Model,
  type RunOptions,
} from '../../src/models/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { changedCheckpoint } from '../support/checkpoints.js'
import { goldenPath } from '../support/goldens.js'

/** A tiny checkpoint for every class of every family; the test below fails for a class without one. */
const CHECKPOINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bert: {
    BertModel: 'bert/base',
    BertForSequenceClassification: 'bert/sequence-classification',
    BertForQuestionAnswering: 'bert/question-answering',
  },
  distilbert: {
    DistilBertModel: 'distilbert/base',
    DistilBertForSequenceClassification: 'distilbert/sequence-classification',
    DistilBertForQuestionAnswering: 'distilbert/question-answering',
  },
  roberta: {
    RobertaModel: 'roberta/base',
    RobertaForSequenceClassification: 'roberta/sequence-classification',
    RobertaForQuestionAnswering: 'roberta/question-answering',
  },
  'xlm-roberta': {
    XLMRobertaModel: 'roberta/base',
    XLMRobertaForSequenceClassification: 'roberta/sequence-classification',
    XLMRobertaForQuestionAnswering: 'roberta/question-answering',
  },
  mpnet: {
    MPNetModel: 'mpnet/base',
    MPNetForSequenceClassification: 'mpnet/sequence-classification',
    MPNetForQuestionAnswering: 'mpnet/question-answering',
  },
  dpr: {
    DPRQuestionEncoder: 'dpr/question-encoder',
    DPRContextEncoder: 'dpr/context-encoder-projection',
    DPRReader: 'dpr/reader',
  },
  t5: { T5EncoderModel: 't5/encoder', T5ForConditionalGeneration: 't5/v1_1-gated-untied' },
  bart: { BartForConditionalGeneration: 'bart/base' },
  gpt2: { GPT2Model: 'gpt2/base', GPT2LMHeadModel: 'gpt2/base' },
  llama: { LlamaModel: 'llama/untied', LlamaForCausalLM: 'llama/untied' },
  qwen2: { Qwen2Model: 'qwen2/base', Qwen2ForCausalLM: 'qwen2/base' },
  qwen3: { Qwen3Model: 'qwen3/base', Qwen3ForCausalLM: 'qwen3/base' },
  gemma3_text: { Gemma3TextModel: 'gemma3/base', Gemma3ForCausalLM: 'gemma3/base' },
}

const ROWS = FAMILIES.flatMap((family) =>
  Object.keys(classesOf(family)).map((name) => ({ family: family.modelType, name })),
)

interface Runnable extends Model {
  forward(inputs: object, options: RunOptions): Promise<object>
}

async function load(family: string, name: string): Promise<Runnable> {
  const config = { model_type: family, architectures: [name] }
  const files = await changedCheckpoint(CHECKPOINTS[family][name], { config })
  return (await AutoModel.fromPretrained(memoryFolder(files), { backend: referenceBackend() })) as Runnable
}

const INPUTS = {
  inputIds: [
    [5, 6, 7, 8, 9],
    [9, 8, 7, 6, 5],
  ],
  decoderInputIds: [
    [2, 5, 6],
    [2, 6, 5],
  ],
}

describe.each(ROWS)('$family: $name', ({ family, name }) => {
  test('a tiny checkpoint loads and runs', async () => {
    const output = await (await load(family, name)).forward(INPUTS, {})
    const states = Object.values(output).filter((value) => value !== undefined)
    expect(states.length).toBeGreaterThan(0)
  })

  test('every hook point is passed, with the shape that it lists', async () => {
    const model = await load(family, name)
    const listed = model.hookPoints()
    expect(new Set(listed.map((point) => point.name)).size, 'names are unique').toBe(listed.length)
    const seen = new Map<string, readonly number[]>()
    const hooks = { '*': (tensor: Float, point: { name: string }) => void seen.set(point.name, tensor.shape) }
    await model.forward(INPUTS, { hooks })
    for (const point of listed) {
      const shape = seen.get(point.name)
      expect(shape, point.name).toHaveLength(point.shape.length)
      point.shape.forEach((size, axis) => {
        if (typeof size === 'number') expect(shape![axis], `${point.name}, axis ${axis}`).toBe(size)
        if (size === 'batch') expect(shape![axis], `${point.name}, axis ${axis}`).toBe(2)
      })
    }
  })

  test('hook points have the names that all families share', async () => {
    const names = new Set((await load(family, name)).hookPoints().map((point) => point.name))
    const stacks = ['encoder', 'decoder'].filter((stack) => [...names].some((point) => point.startsWith(`${stack}.0.`)))
    expect(stacks.length).toBeGreaterThan(0)
    for (const stack of stacks) {
      for (const point of ['q', 'k', 'v', 'scores', 'probs', 'context', 'out']) {
        expect(names).toContain(`${stack}.1.self_attention.${point}`)
        if (stacks.length > 1 && stack === 'decoder') expect(names).toContain(`decoder.1.cross_attention.${point}`)
      }
      for (const point of ['pre', 'hidden', 'out']) expect(names).toContain(`${stack}.1.feed_forward.${point}`)
    }
    expect([...names].some((point) => point.endsWith('embeddings.out'))).toBe(true)
  })
})

describe('auto classes pick by config.json', () => {
  const backend = referenceBackend()

  test.each([
    [AutoModelForSequenceClassification, 'bert/sequence-classification', 'BertForSequenceClassification'],
    [AutoModelForQuestionAnswering, 'mpnet/question-answering', 'MPNetForQuestionAnswering'],
    [AutoModelForQuestionAnswering, 'dpr/reader', 'DPRReader'],
    [AutoModel, 'distilbert/question-answering', 'DistilBertForQuestionAnswering'],
    [AutoModelForSeq2SeqLM, 'bart/base', 'BartForConditionalGeneration'],
    [AutoModelForSeq2SeqLM, 't5/gated-tied', 'T5ForConditionalGeneration'],
    [AutoModelForCausalLM, 'qwen3/base', 'Qwen3ForCausalLM'],
    [AutoModel, 'dpr/context-encoder', 'DPRContextEncoder'],
    [AutoModel, 'llama/tied', 'LlamaForCausalLM'],
  ] as const)('%o: %s is a %s', async (auto, folder, name) => {
    const model = await auto.fromPretrained(goldenPath(folder), { backend })
    expect(model.constructor.name).toBe(name)
  })

  test('AutoModel takes the model without a head where the config names a class that is not there', async () => {
    const files = await changedCheckpoint('bert/base', { config: { architectures: ['BertForMaskedLM'] } })
    const model = await AutoModel.fromPretrained(memoryFolder(files), { backend })
    expect(model.constructor.name).toBe('BertModel')
  })

  test("a class refuses another family's config", async () => {
    await expect(BertModel.fromPretrained(goldenPath('gpt2/base'), { backend })).rejects.toThrow(
      'model_type is "gpt2", this class loads "bert"; AutoModel picks the class by itself',
    )
  })

  test('an unknown family is refused with a list of the known ones', async () => {
    const files = await changedCheckpoint('bert/base', { config: { model_type: 'mamba' } })
    await expect(AutoModel.fromPretrained(memoryFolder(files), { backend })).rejects.toThrow(
      'model_type "mamba" is not supported; known: bert, distilbert, roberta, xlm-roberta, mpnet, dpr, t5, bart, gpt2, llama, qwen2, qwen3, gemma3_text',
    )
  })

  test('a family without that head says which classes it has', async () => {
    await expect(AutoModelForCausalLM.fromPretrained(goldenPath('bert/base'), { backend })).rejects.toThrow(
      'bert has no class for causalLM; it has BertModel, BertForSequenceClassification, BertForQuestionAnswering',
    )
    await expect(AutoModelForQuestionAnswering.fromPretrained(goldenPath('t5/encoder'), { backend })).rejects.toThrow(
      't5 has no class for questionAnswering; it has T5EncoderModel, T5ForConditionalGeneration',
    )
  })

  test('a model_type that every object has as a key is only an unknown one', async () => {
    const files = await changedCheckpoint('bert/base', { config: { model_type: '__proto__' } })
    await expect(AutoModel.fromPretrained(memoryFolder(files), { backend })).rejects.toThrow(
      '"__proto__" is not supported',
    )
  })
})
