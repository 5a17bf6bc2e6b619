export {
  BLOCK_FORMATS,
  bytesOfBlocks,
  isBlockType,
  quantise,
  QUANTISED_TYPES,
  widen,
  type BlockFormat,
  type BlockType,
  type QuantisedType,
} from './blocks/index.js'
export { bytesPerElement, type DataOf, type DType } from './dtype.js'
export { type Shape, showShape, sizeOf } from './shape.js'
export { Tensor, type DistantData, type TensorFields } from './tensor.js'
