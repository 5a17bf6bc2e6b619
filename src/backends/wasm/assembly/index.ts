/**
 * What the engine calls. Addresses are bytes in the imported memory; who owns them is decided in TypeScript (backends/wasm/heap.ts).
 */
export { activate } from './activations'
export { attention, attentionScratch } from './attention'
export { copyStrided } from './copy'
export { add, multiply, scale } from './elementwise'
export { gatherPanels, gatherRows } from './gather'
export { linearInt8, packInt8, quantizeInput } from './int8'
export { linear } from './linear'
export { matmul } from './matmul'
export { layerNorm, rmsNorm } from './norm'
export { packPanels } from './pack'
export { rotate } from './rotary'
export { logSoftmax, softmax } from './softmax'
export { topK } from './top-k'
