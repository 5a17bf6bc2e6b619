export { BertForSequenceClassification, BertModel, type BertConfig } from './bert.js'
export { DistilBertForSequenceClassification, DistilBertModel, type DistilBertConfig } from './distilbert.js'
export { DPRContextEncoder, DPRQuestionEncoder, type DPRConfig, type DPROutput } from './dpr.js'
export {
  EncoderForSequenceClassification,
  EncoderModel,
  type EncoderInputs,
  type EncoderModelOptions,
  type EncoderOutput,
  type EncoderStates,
  type SequenceClassifierOutput,
} from './encoder-model.js'
export type { IdsLike } from './inputs.js'
export { Model, type FromPretrainedOptions, type RunOptions } from './model.js'
export { MPNetForSequenceClassification, MPNetModel, type MPNetConfig } from './mpnet.js'
export {
  AutoModel,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  classesOf,
  familyOf,
  FAMILIES,
  type Family,
  type Heads,
  type TextEncoder,
} from './registry.js'
export { RobertaForSequenceClassification, RobertaModel, type RobertaConfig } from './roberta.js'
export {
  T5EncoderModel,
  T5ForConditionalGeneration,
  type T5Cache,
  type T5Config,
  type T5Encoded,
  type T5EncoderInputs,
  type T5EncoderOutput,
  type T5GenerateOptions,
  type T5Inputs,
  type T5Output,
} from './t5.js'
