/**
 * The public surface of glassformer.
 */
export * from './backends/index.js'
export * from './errors.js'
export { blobSource, bytesSource, type ByteSource } from './files/byte-source.js'
export { memoryFolder, type Folder, type FolderLike } from './files/folder.js'
export {
  TextStreamer,
  textPieces,
  type Decoder,
  type Decoding,
  type GenerateOptions,
  type GenerateOutput,
  type GenerationConfig,
  type GenerationStep,
  type LogitsProcessor,
  type TextDecoder,
} from './generation/index.js'
export * from './gguf/index.js'
export * from './hub/index.js'
export { pool, type PoolingOptions } from './layers/index.js'
export * from './lens/index.js'
export * from './models/index.js'
export * from './rag/index.js'
export * from './safetensors/index.js'
export * from './tensor/index.js'
export * from './tokenizer/index.js'
export * from './trace/index.js'
export type { Activation, Float, Ids } from './tensor/ops/index.js'
