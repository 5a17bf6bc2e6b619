export { BLOCK_FORMATS, bytesOfBlocks, isBlockType, type BlockFormat, type BlockType } from './formats.js'
export { widen } from './widen.js'
