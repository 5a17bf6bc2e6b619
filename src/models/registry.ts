/**
 * Every family in one table: a row says how config.json names the family and which classes it has for what. The auto classes
 * and the command line work from this table alone, so a new family is one file and one row.
 */
import { ConfigError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import { BartForConditionalGeneration } from './bart.js'
import { BertForQuestionAnswering, BertForSequenceClassification, BertModel, bertConfig } from './bert.js'
import { DistilBertForQuestionAnswering, DistilBertForSequenceClassification, DistilBertModel } from './distilbert.js'
import { DPRContextEncoder, DPRQuestionEncoder, DPRReader } from './dpr.js'
import type { EncoderForSequenceClassification, EncoderModel } from './encoder-model.js'
import type { CausalLM } from './causal-lm.js'
import { Gemma3ForCausalLM, Gemma3TextModel } from './gemma3.js'
import { GPT2LMHeadModel, GPT2Model } from './gpt2.js'
import { LlamaForCausalLM, LlamaModel } from './llama.js'
import { loadModel, type Build, type FromPretrainedOptions, type Model } from './model.js'
import { MPNetForQuestionAnswering, MPNetForSequenceClassification, MPNetModel, mpnetConfig } from './mpnet.js'
import type { EncoderForQuestionAnswering } from './question-answering.js'
import { Qwen2ForCausalLM, Qwen2Model, Qwen3ForCausalLM, Qwen3Model } from './qwen.js'
import {
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaModel,
  robertaConfig,
} from './roberta.js'
import type { Seq2SeqLM } from './seq2seq-lm.js'
import { T5EncoderModel, T5ForConditionalGeneration } from './t5.js'

/** A model that turns token ids into a state for each token. */
export interface TextEncoder extends Model {
  /** Most tokens of a text, where positions are learned. */
  readonly maxLength?: number
  forward: EncoderModel['forward'] | T5EncoderModel['forward']
}

/** Classes by their name in `architectures`. The first is taken where config.json names none of them. */
export type Classes<M extends Model> = Readonly<Record<string, Build<M>>>

/** What a family's classes can be for; each is loaded by an auto class. */
export interface Heads {
  /** States without a head: AutoModel. */
  readonly model?: Classes<Model>
  readonly seq2seqLM?: Classes<Seq2SeqLM>
  readonly causalLM?: Classes<CausalLM>
  readonly sequenceClassification?: Classes<EncoderForSequenceClassification>
  /** Where an answer begins and ends. DPR's reader takes no positions and gives relevance in place of a loss. */
  readonly questionAnswering?: Classes<EncoderForQuestionAnswering | DPRReader>
}

export interface Family extends Heads {
  /** `model_type` in config.json. */
  readonly modelType: string
  /** The class that sentence encoders use, without the parts that pooling does not need. */
  readonly textEncoder?: Build<TextEncoder>
}

const noPooler = { addPoolingLayer: false }

/** Families that have an encoder; a table of their own, since a page that answers from passages needs no others. */
const ENCODER_FAMILIES: readonly Family[] = /* @__PURE__ */ encoderFamilies()

export const FAMILIES: readonly Family[] = /* @__PURE__ */ allFamilies()

// The tables are made by calls that bundlers may leave out: a family that no auto class in use can load takes no space.

function allFamilies(): readonly Family[] {
  return [...ENCODER_FAMILIES, ...decoderFamilies()]
}

function encoderFamilies(): readonly Family[] {
  return [
    {
      modelType: 'bert',
      model: { BertModel: BertModel.build },
      sequenceClassification: { BertForSequenceClassification: BertForSequenceClassification.build },
      questionAnswering: { BertForQuestionAnswering: BertForQuestionAnswering.build },
      textEncoder: (json, weights) => new BertModel(bertConfig(json), weights, noPooler),
    },
    {
      modelType: 'distilbert',
      model: { DistilBertModel: DistilBertModel.build },
      sequenceClassification: { DistilBertForSequenceClassification: DistilBertForSequenceClassification.build },
      questionAnswering: { DistilBertForQuestionAnswering: DistilBertForQuestionAnswering.build },
      textEncoder: DistilBertModel.build,
    },
    {
      modelType: 'roberta',
      model: { RobertaModel: RobertaModel.build },
      sequenceClassification: { RobertaForSequenceClassification: RobertaForSequenceClassification.build },
      questionAnswering: { RobertaForQuestionAnswering: RobertaForQuestionAnswering.build },
      textEncoder: (json, weights) => new RobertaModel(robertaConfig(json), weights, noPooler),
    },
    {
      modelType: 'xlm-roberta',
      model: { XLMRobertaModel: RobertaModel.build },
      sequenceClassification: { XLMRobertaForSequenceClassification: RobertaForSequenceClassification.build },
      questionAnswering: { XLMRobertaForQuestionAnswering: RobertaForQuestionAnswering.build },
      textEncoder: (json, weights) => new RobertaModel(robertaConfig(json), weights, noPooler),
    },
    {
      modelType: 'mpnet',
      model: { MPNetModel: MPNetModel.build },
      sequenceClassification: { MPNetForSequenceClassification: MPNetForSequenceClassification.build },
      questionAnswering: { MPNetForQuestionAnswering: MPNetForQuestionAnswering.build },
      textEncoder: (json, weights) => new MPNetModel(mpnetConfig(json), weights, noPooler),
    },
    {
      modelType: 'dpr',
      model: { DPRQuestionEncoder: DPRQuestionEncoder.build, DPRContextEncoder: DPRContextEncoder.build },
      questionAnswering: { DPRReader: DPRReader.build },
    },
    {
      modelType: 't5',
      model: { T5EncoderModel: T5EncoderModel.build },
      seq2seqLM: { T5ForConditionalGeneration: T5ForConditionalGeneration.build },
      textEncoder: T5EncoderModel.build,
    },
    {
      modelType: 'bart',
      seq2seqLM: { BartForConditionalGeneration: BartForConditionalGeneration.build },
    },
  ]
}

function decoderFamilies(): readonly Family[] {
  return [
    {
      modelType: 'gpt2',
      model: { GPT2Model: GPT2Model.build },
      causalLM: { GPT2LMHeadModel: GPT2LMHeadModel.build },
    },
    {
      modelType: 'llama',
      model: { LlamaModel: LlamaModel.build },
      causalLM: { LlamaForCausalLM: LlamaForCausalLM.build },
    },
    {
      modelType: 'qwen2',
      model: { Qwen2Model: Qwen2Model.build },
      causalLM: { Qwen2ForCausalLM: Qwen2ForCausalLM.build },
    },
    {
      modelType: 'qwen3',
      model: { Qwen3Model: Qwen3Model.build },
      causalLM: { Qwen3ForCausalLM: Qwen3ForCausalLM.build },
    },
    {
      modelType: 'gemma3_text',
      model: { Gemma3TextModel: Gemma3TextModel.build },
      causalLM: { Gemma3ForCausalLM: Gemma3ForCausalLM.build },
    },
  ]
}

/** @throws ConfigError for a family that is not in the table */
export function familyOf(config: JsonObject): Family {
  return familyIn(FAMILIES, config)
}

/** @throws ConfigError for a family that has no encoder */
export function encoderFamilyOf(config: JsonObject): Family {
  return familyIn(ENCODER_FAMILIES, config)
}

function familyIn(families: readonly Family[], config: JsonObject): Family {
  const modelType = config.string('model_type')
  const family = families.find((row) => row.modelType === modelType)
  if (family) return family
  const known = families.map((row) => row.modelType).join(', ')
  throw new ConfigError(
    'unknown-family',
    `${config.where}: model_type "${modelType}" is not supported; known: ${known}`,
  )
}

const HEADS: readonly (keyof Heads)[] = [
  'model',
  'seq2seqLM',
  'causalLM',
  'sequenceClassification',
  'questionAnswering',
]

/** All classes of a family by name. */
export function classesOf(family: Family): Classes<Model> {
  return Object.assign({}, ...HEADS.map((head) => family[head])) as Classes<Model>
}

/**
 * How to build the class that config.json names, or the family's first one of that head where it names another.
 * @throws ConfigError for a family that does not have the head
 */
function buildOf<H extends keyof Heads>(config: JsonObject, head: H, family: Family): NonNullable<Heads[H]>[string] {
  const classes = family[head] as NonNullable<Heads[H]> | undefined
  if (!classes) {
    throw new ConfigError(
      'unknown-class',
      `${config.where}: ${family.modelType} has no class for ${head}; it has ${Object.keys(classesOf(family)).join(', ')}`,
    )
  }
  return (named(config, classes) ?? Object.values(classes)[0]) as NonNullable<Heads[H]>[string]
}

/** The first of `architectures` that is one of these classes. */
function named<M extends Model>(config: JsonObject, classes: Classes<M>): Build<M> | undefined {
  const architectures = config.get('architectures')
  const names: readonly unknown[] = Array.isArray(architectures) ? architectures : []
  const name = names.find((name) => typeof name === 'string' && Object.hasOwn(classes, name))
  return name === undefined ? undefined : classes[name as string]
}

/**
 * How to build what a checkpoint holds: the class that its config.json names, or else the family's model without a head.
 * @throws ConfigError for a family that is not in the table
 */
export function buildFor(config: JsonObject): Build<Model> {
  const family = familyOf(config)
  return named(config, classesOf(family)) ?? buildOf(config, 'model', family)
}

/** Loads any supported checkpoint: the class that its config.json names, or else the family's model without a head. */
export const AutoModel = {
  fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Model> {
    return loadModel(location, (config, ...rest) => buildFor(config)(config, ...rest), options)
  },
}

function auto<H extends keyof Heads>(head: H, familyOf: (config: JsonObject) => Family) {
  type Result = ReturnType<NonNullable<Heads[H]>[string]>
  return {
    fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Result> {
      const build: Build<Result> = (config, ...rest) =>
        buildOf(config, head, familyOf(config))(config, ...rest) as Result
      return loadModel(location, build, options)
    },
  }
}

/** Loads a model that judges a text or a pair of texts. */
export const AutoModelForSequenceClassification = /* @__PURE__ */ auto('sequenceClassification', familyOf)
/**
 * Loads a model that points at the answer to a question in the text that it reads. For a DPR checkpoint that is its reader, which
 * transformers has no auto class for.
 */
export const AutoModelForQuestionAnswering = /* @__PURE__ */ auto('questionAnswering', encoderFamilyOf)
/** Loads a model that reads one text and writes another. */
export const AutoModelForSeq2SeqLM = /* @__PURE__ */ auto('seq2seqLM', encoderFamilyOf)
/** Loads a model that writes on from a prompt. */
export const AutoModelForCausalLM = /* @__PURE__ */ auto('causalLM', familyOf)

/** Loads a model that writes, of either kind: what the two classes above load. transformers has no such class. */
export const AutoModelForGeneration = {
  fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<CausalLM | Seq2SeqLM> {
    const build: Build<CausalLM | Seq2SeqLM> = (config, ...rest) => {
      const family = familyOf(config)
      return buildOf(config, family.causalLM ? 'causalLM' : 'seq2seqLM', family)(config, ...rest)
    }
    return loadModel(location, build, options)
  },
}
