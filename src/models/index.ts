export { BertModel, type BertConfig, type BertInputs, type BertOptions, type BertOutput } from './bert.js'
export type { IdsLike } from './inputs.js'
export { Model, type FromPretrainedOptions, type RunOptions } from './model.js'
export { AutoModel, classOf, familyOf, FAMILIES, type Family, type TextEncoder } from './registry.js'
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
