export { BertModel, type BertConfig, type BertInputs, type BertOptions, type BertOutput } from './bert.js'
export {
  CausalModel,
  GenerativeModel,
  PromptCache,
  Seq2SeqModel,
  type CausalContext,
  type CausalInputs,
  type DecodeStepOptions,
  type Encoded,
  type GenerativeOptions,
  type StartOptions,
  type StepOptions,
  type TextInputs,
} from './generative.js'
export type { IdsLike } from './inputs.js'
export { Model, type FromPretrainedOptions, type Run, type RunOptions } from './model.js'
export { AutoModel, classOf, familyOf, FAMILIES, type Family, type TextEncoder } from './registry.js'
export {
  T5EncoderModel,
  T5ForConditionalGeneration,
  type T5Config,
  type T5Encoded,
  type T5EncoderOutput,
  type T5Inputs,
  type T5Output,
} from './t5.js'
