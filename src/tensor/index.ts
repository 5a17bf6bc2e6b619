export { bytesPerElement, type DataOf, type DType } from './dtype.js'
export { type Shape, showShape, sizeOf } from './shape.js'
export { Tensor, type DistantData, type TensorFields } from './tensor.js'
