export {
  BLOCK_FORMATS,
  bytesOfBlocks,
  hasFiniteScales,
  isBlockType,
  type BlockFormat,
  type BlockType,
} from './formats.js'
export { quantise, QUANTISED_TYPES, type QuantisedType } from './quantise.js'
export { widen } from './widen.js'
