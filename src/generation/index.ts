export { generationConfig, lengthLimits, type GenerateOptions, type GenerationConfig } from './generation-config.js'
export { collect, greedySearch, type GenerateOutput, type GenerationStep, type NextLogits } from './greedy.js'
