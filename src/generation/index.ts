export type { Decoder, Decoding } from './decoder.js'
export { generationConfig, lengthLimits, type GenerateOptions, type GenerationConfig } from './generation-config.js'
export { collect, greedySearch, type GenerateOutput, type GenerationStep } from './greedy.js'
