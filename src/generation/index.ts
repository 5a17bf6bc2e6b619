export { beamSearch, type Hypothesis } from './beam-search.js'
export type { Decoder, Decoding } from './decoder.js'
export { generate, stream, type GenerateOutput, type SearchOptions } from './generate.js'
export {
  checkOptions,
  expectedTokens,
  generationConfig,
  resolveSettings,
  type GenerateOptions,
  type GenerationConfig,
  type LogitsProcessor,
  type Settings,
  type TextDecoder,
} from './generation-config.js'
export { logitsProcessors } from './logits-processors.js'
export { draw, randomStream, samplingProcessors } from './sampling.js'
export { type GenerationStep } from './steps.js'
export { TextStreamer, textPieces } from './text-streamer.js'
