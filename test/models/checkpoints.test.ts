import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import { memoryFolder, type FolderLike } from '../../src/files/folder.js'
import {
  AutoModel,
  BartForConditionalGeneration,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertModel,
  DistilBertModel,
  DPRQuestionEncoder,
  DPRReader,
  GPT2LMHeadModel,
  GPT2Model,
  LlamaForCausalLM,
  LlamaModel,
  MPNetForQuestionAnswering,
  MPNetModel,
  Qwen3ForCausalLM,
  RobertaForQuestionAnswering,
  RobertaModel,
  T5ForConditionalGeneration,
  type FromPretrainedOptions,
  type Model,
  type RunOptions,
} from '../../src/models/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { changedCheckpoint, type Changes } from '../support/checkpoints.js'
import { expectClose, goldenJson, goldenPath } from '../support/goldens.js'

type Outputs = Readonly<Record<string, unknown>>
interface AnyClass {
  readonly name: string
  fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<Model & { forward(inputs: object, options?: RunOptions): Promise<object> }>
}

const INPUTS = { inputIds: [[5, 6, 7, 8, 9]], decoderInputIds: [[2, 5, 6]] }
const backend = referenceBackend()

async function outputOf(modelClass: AnyClass, location: FolderLike, field: string): Promise<Float> {
  const model = await modelClass.fromPretrained(location, { backend })
  return ((await model.forward(INPUTS)) as Outputs)[field] as Float
}

const addPrefix = (prefix: string) => (name: string) => `${prefix}.${name}`
const dropPrefix = (prefix: string) => (name: string) =>
  name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name
const other = Tensor.zeros('float32', [3, 3])
const counters = { int64: Tensor.zeros('int64', [1, 40]) }

/** The tensor under a new name, as files do that were saved before shared tensors were dropped. */
const repeat =
  (...pairs: readonly (readonly [from: string, to: string])[]): Changes['add'] =>
  (tensors) =>
    Object.fromEntries(pairs.map(([from, to]) => [to, tensors.get(from)!]))

/** What, class, folder, output to compare, and how the file differs from the recorded one. */
const SAME: readonly (readonly [string, AnyClass, string, string, Changes])[] = [
  [
    'with a masked-language-model head',
    BertModel,
    'bert/base',
    'lastHiddenState',
    {
      rename: addPrefix('bert'),
      add: () => ({
        'cls.predictions.bias': other,
        'cls.seq_relationship.weight': other,
        'bert.embeddings.position_ids': counters.int64,
      }),
    },
  ],
  [
    "with TensorFlow's names of the norms",
    BertModel,
    'bert/base',
    'lastHiddenState',
    {
      rename: (name) => name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
    },
  ],
  [
    'with a masked-language-model head',
    DistilBertModel,
    'distilbert/base',
    'lastHiddenState',
    {
      rename: addPrefix('distilbert'),
      add: () => ({ 'vocab_transform.weight': other, 'vocab_layer_norm.bias': other, 'vocab_projector.bias': other }),
    },
  ],
  [
    'with a masked-language-model head',
    RobertaModel,
    'roberta/base',
    'lastHiddenState',
    {
      rename: addPrefix('roberta'),
      add: () => ({ 'lm_head.dense.weight': other, 'roberta.embeddings.position_ids': counters.int64 }),
    },
  ],
  [
    'with a masked-language-model head',
    MPNetModel,
    'mpnet/base',
    'lastHiddenState',
    {
      rename: addPrefix('mpnet'),
      add: () => ({ 'lm_head.bias': other, 'mpnet.embeddings.position_ids': counters.int64 }),
    },
  ],
  [
    "with BERT's pooling layer and position ids",
    DPRQuestionEncoder,
    'dpr/question-encoder',
    'poolerOutput',
    {
      add: () => ({
        'question_encoder.bert_model.pooler.dense.weight': other,
        'question_encoder.bert_model.pooler.dense.bias': other,
        'question_encoder.bert_model.embeddings.position_ids': counters.int64,
      }),
    },
  ],
  [
    'with a pooling layer and position ids',
    BertForQuestionAnswering,
    'bert/question-answering',
    'endLogits',
    {
      add: () => ({
        'bert.pooler.dense.weight': other,
        'bert.pooler.dense.bias': other,
        'bert.embeddings.position_ids': counters.int64,
      }),
    },
  ],
  [
    'with a pooling layer and position ids',
    RobertaForQuestionAnswering,
    'roberta/question-answering',
    'endLogits',
    {
      add: () => ({
        'roberta.pooler.dense.weight': other,
        'roberta.pooler.dense.bias': other,
        'roberta.embeddings.position_ids': counters.int64,
      }),
    },
  ],
  [
    'with a pooling layer and position ids',
    MPNetForQuestionAnswering,
    'mpnet/question-answering',
    'endLogits',
    {
      add: () => ({
        'mpnet.pooler.dense.weight': other,
        'mpnet.pooler.dense.bias': other,
        'mpnet.embeddings.position_ids': counters.int64,
      }),
    },
  ],
  [
    "with BERT's pooling layer, position ids and a projection",
    DPRReader,
    'dpr/reader',
    'relevanceLogits',
    {
      add: () => ({
        'span_predictor.encoder.bert_model.pooler.dense.weight': other,
        'span_predictor.encoder.bert_model.pooler.dense.bias': other,
        'span_predictor.encoder.bert_model.embeddings.position_ids': counters.int64,
        'span_predictor.encoder.encode_proj.weight': other,
      }),
    },
  ],
  [
    'with a question-answering head',
    BertModel,
    'bert/question-answering',
    'lastHiddenState',
    { rename: dropPrefix('bert') },
  ],
  [
    'with the embedding under all its names',
    T5ForConditionalGeneration,
    't5/v1_0-relu-tied',
    'logits',
    {
      add: repeat(
        ['shared.weight', 'encoder.embed_tokens.weight'],
        ['shared.weight', 'decoder.embed_tokens.weight'],
        ['shared.weight', 'lm_head.weight'],
      ),
    },
  ],
  [
    'with the embedding under the decoder’s name only',
    T5ForConditionalGeneration,
    't5/v1_0-relu-tied',
    'logits',
    {
      rename: (name) => name.replace('shared.', 'decoder.embed_tokens.'),
    },
  ],
  [
    'with the embedding under all its names',
    BartForConditionalGeneration,
    'bart/base',
    'logits',
    {
      add: repeat(
        ['model.shared.weight', 'model.encoder.embed_tokens.weight'],
        ['model.shared.weight', 'model.decoder.embed_tokens.weight'],
        ['model.shared.weight', 'lm_head.weight'],
      ),
    },
  ],
  ['without the prefix', BartForConditionalGeneration, 'bart/base', 'logits', { rename: dropPrefix('model') }],
  [
    'without the prefix and with causal masks',
    GPT2LMHeadModel,
    'gpt2/base',
    'logits',
    {
      rename: dropPrefix('transformer'),
      add: () => ({
        'h.0.attn.bias': other,
        'h.1.attn.bias': other,
        'h.0.attn.masked_bias': Tensor.zeros('float32', []),
      }),
    },
  ],
  [
    'with the tied head',
    GPT2LMHeadModel,
    'gpt2/base',
    'logits',
    {
      add: repeat(['transformer.wte.weight', 'lm_head.weight']),
    },
  ],
  ['without the prefix', GPT2Model, 'gpt2/base', 'lastHiddenState', { rename: dropPrefix('transformer') }],
  ['without the prefix, tied', LlamaForCausalLM, 'llama/tied', 'logits', { rename: dropPrefix('model') }],
  [
    'with frequencies and the tied head',
    LlamaForCausalLM,
    'llama/tied',
    'logits',
    {
      add: (tensors) => ({
        'model.layers.0.self_attn.rotary_emb.inv_freq': other,
        'model.rotary_emb.inv_freq': other,
        'lm_head.weight': tensors.get('model.embed_tokens.weight')!,
      }),
    },
  ],
  [
    'without head and prefix',
    LlamaModel,
    'llama/untied',
    'lastHiddenState',
    {
      rename: (name) => (name === 'lm_head.weight' ? undefined : dropPrefix('model')(name)),
    },
  ],
  [
    'with the positions of transformers 5',
    LlamaForCausalLM,
    'llama/scaled-biased',
    'logits',
    {
      config: {
        rope_theta: undefined,
        rope_scaling: undefined,
        rope_parameters: {
          rope_theta: 10000,
          rope_type: 'llama3',
          factor: 4,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 16,
        },
      },
    },
  ],
  ['in three shards', Qwen3ForCausalLM, 'qwen3/base', 'logits', { shards: 3 }],
]

describe('checkpoints as people have them give what the recorded one gives', () => {
  test.each(SAME)('%s: $name', async (_, modelClass, folder, field, changes) => {
    const got = await outputOf(modelClass, memoryFolder(await changedCheckpoint(folder, changes)), field)
    const wanted = await outputOf(modelClass, goldenPath(folder), field)
    expect(got.toArray()).toEqual(wanted.toArray())
  })

  test.each([
    [DistilBertModel, 'distilbert/base', 'lastHiddenState'],
    [BartForConditionalGeneration, 'bart/base', 'logits'],
    [GPT2LMHeadModel, 'gpt2/base', 'logits'],
    [LlamaForCausalLM, 'llama/tied', 'logits'],
    [LlamaForCausalLM, 'llama/untied', 'logits'],
  ] as const)('$name in float16 and bfloat16 is near the float32 one', async (modelClass, folder, field) => {
    const wanted = await outputOf(modelClass, goldenPath(folder), field)
    for (const [dtype, abs] of [
      ['float16', 0.05],
      ['bfloat16', 0.5],
    ] as const) {
      const got = await outputOf(modelClass, memoryFolder(await changedCheckpoint(folder, { dtype })), field)
      expectClose(got, wanted, { abs, rel: 0.02 }, dtype)
      expect(got.toArray(), 'the weights were narrowed').not.toEqual(wanted.toArray())
    }
  })
})

describe('checkpoints that do not fit', () => {
  test.each([
    [
      'a classifier that is missing',
      BertForSequenceClassification,
      'bert/base',
      {},
      /missing: classifier\.weight \[2, 32\]/,
    ],
    [
      'a question-answering head that is missing',
      BertForQuestionAnswering,
      'bert/base',
      {},
      /missing: qa_outputs\.weight \[2, 32\]/,
    ],
    [
      'a question-answering head with more than start and end',
      BertForQuestionAnswering,
      'bert/question-answering',
      { config: { num_labels: 3 } },
      'a question-answering head has 2 labels, start and end; this config has 3',
    ],
    [
      'a reader without a judgement of the passage',
      DPRReader,
      'dpr/reader',
      { rename: (name: string) => (name.includes('qa_classifier') ? undefined : name) },
      /missing: span_predictor\.qa_classifier\.weight \[1, 32\]/,
    ],
    [
      'a head that is missing',
      LlamaForCausalLM,
      'llama/untied',
      {
        rename: (name: string) => (name === 'lm_head.weight' ? undefined : name),
      },
      /missing: lm_head\.weight \[120, 32\]/,
    ],
    [
      'a layer too many',
      GPT2LMHeadModel,
      'gpt2/base',
      { config: { n_layer: 1 } },
      /unused: transformer\.h\.1\.attn\.c_attn\.bias/,
    ],
    [
      '[out, in] where [in, out] is stored',
      GPT2LMHeadModel,
      'gpt2/base',
      { config: { n_inner: 64 } },
      /misshapen: transformer\.h\.0\.mlp\.c_fc\.weight is \[32, 128\], the config asks for \[32, 64\]/,
    ],
    [
      'an unknown scaling',
      LlamaForCausalLM,
      'llama/tied',
      {
        config: { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      },
      'scaling "yarn" is not supported; known: default, linear, llama3',
    ],
    [
      'a sliding window',
      Qwen3ForCausalLM,
      'qwen3/base',
      { config: { use_sliding_window: true } },
      '"use_sliding_window" is true',
    ],
    [
      'heads that do not divide',
      LlamaForCausalLM,
      'llama/tied',
      { config: { num_key_value_heads: 3 } },
      '"num_attention_heads" 4 is not a multiple of "num_key_value_heads" 3',
    ],
  ] as const)('%s', async (_, modelClass: AnyClass, folder, changes: Changes, message) => {
    const files = memoryFolder(await changedCheckpoint(folder, changes))
    await expect(modelClass.fromPretrained(files, { backend })).rejects.toThrow(message)
  })
})

describe('no field of config.json makes a model take memory before it is compared with the weights', () => {
  const folders = [
    'distilbert/base',
    'roberta/base',
    'mpnet/base',
    'dpr/context-encoder-projection',
    'bart/base',
    'gpt2/base',
    'llama/scaled-biased',
    'qwen2/base',
    'qwen3/base',
    'roberta/sequence-classification',
    'mpnet/question-answering',
    'dpr/reader',
  ]
  const counts = folders.flatMap((folder) =>
    Object.entries(goldenJson<Record<string, unknown>>(folder, 'config.json'))
      .filter(([, value]) => Number.isInteger(value))
      .map(([field]) => ({ folder, field })),
  )

  test.each(counts)('$folder: $field', async ({ folder, field }) => {
    for (const value of [2 ** 31, Number.MAX_SAFE_INTEGER - 1, -1, 0.5]) {
      const files = memoryFolder(await changedCheckpoint(folder, { config: { [field]: value } }))
      const before = process.memoryUsage().arrayBuffers
      const refused = await AutoModel.fromPretrained(files, { backend }).then(
        () => undefined, // a field that the model does not read
        (error: Error) => error,
      )
      if (refused) expect(refused.name).toMatch(/^(Config|Weights)Error$/)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20)
    }
  })
})
