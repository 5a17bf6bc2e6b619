export { BertForQuestionAnswering, BertForSequenceClassification, BertModel, type BertConfig } from './bert.js'
export {
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertModel,
  type DistilBertConfig,
} from './distilbert.js'
export {
  CausalLM,
  DecoderModel,
  type CausalLMInputs,
  type CausalLMOutput,
  type DecoderInputs,
  type DecoderOutput,
  type DecoderStates,
} from './causal-lm.js'
export { BartForConditionalGeneration, type BartConfig } from './bart.js'
export { quantiseCheckpoint } from './quantise-checkpoint.js'
export {
  DPRContextEncoder,
  DPRQuestionEncoder,
  DPRReader,
  type DPRConfig,
  type DPROutput,
  type DPRReaderInputs,
  type DPRReaderOutput,
} from './dpr.js'
export {
  EncoderForSequenceClassification,
  EncoderModel,
  type EncoderInputs,
  type EncoderModelOptions,
  type EncoderOutput,
  type EncoderStates,
  type SequenceClassifierOutput,
} from './encoder-model.js'
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
export { Gemma3ForCausalLM, Gemma3TextModel, type Gemma3Config } from './gemma3.js'
export { GPT2LMHeadModel, GPT2Model, type GPT2Config } from './gpt2.js'
export type { IdsLike, PositionsLike } from './inputs.js'
export type { LanguageModel, UnembedOptions } from './language-model.js'
export { LlamaForCausalLM, LlamaModel, type LlamaConfig } from './llama.js'
export { Model, type FromPretrainedOptions, type PassOptions, type Run, type RunOptions } from './model.js'
export { MPNetForQuestionAnswering, MPNetForSequenceClassification, MPNetModel, type MPNetConfig } from './mpnet.js'
export {
  EncoderForQuestionAnswering,
  type QuestionAnsweringInputs,
  type QuestionAnsweringOutput,
  type SpanOutput,
} from './question-answering.js'
export {
  Qwen2ForCausalLM,
  Qwen2Model,
  Qwen3ForCausalLM,
  Qwen3Model,
  type Qwen2Config,
  type Qwen3Config,
} from './qwen.js'
export {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForGeneration,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  classesOf,
  encoderFamilyOf,
  familyOf,
  FAMILIES,
  type Family,
  type Heads,
  type TextEncoder,
} from './registry.js'
export {
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaModel,
  type RobertaConfig,
} from './roberta.js'
export {
  Seq2SeqLM,
  type Seq2SeqEncoded,
  type Seq2SeqInputs,
  type Seq2SeqOutput,
  type SourceOutput,
} from './seq2seq-lm.js'
export { T5EncoderModel, T5ForConditionalGeneration, type T5Config } from './t5.js'
export type { WrittenToken } from './write.js'
