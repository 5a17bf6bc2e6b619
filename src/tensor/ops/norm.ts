/**
 * Normalisations over the last axis.
 */
import { ShapeError } from '../../errors.js'
import { showShape } from '../shape.js'
import { lastSize, output, rowMajor, type Float } from './float.js'

/**
 * (x - mean) / sqrt(variance + epsilon) * weight + bias, Ba et al. 2016, https://arxiv.org/abs/1607.06450.
 * @param frozenAt the variance is that of this tensor, of the shape of x; then x goes in linearly
 */
export function layerNorm(x: Float, weight: Float, bias: Float, epsilon: number, frozenAt = x): Float {
  checkWidth('layerNorm', x, weight)
  checkWidth('layerNorm', x, bias)
  const source = rowMajor(x)
  const scaled = rowMajor(frozenAt)
  const gain = rowMajor(weight)
  const shift = rowMajor(bias)
  const width = lastSize(x.shape)
  const { tensor, data } = output(x.shape)
  for (let start = 0; start < data.length; start += width) {
    const mean = meanOf(source, start, width)
    const scaledMean = meanOf(scaled, start, width)
    let squares = 0
    for (let i = 0; i < width; i++) squares += (scaled[start + i] - scaledMean) ** 2
    const inverse = 1 / Math.sqrt(squares / width + epsilon)
    for (let i = 0; i < width; i++) data[start + i] = (source[start + i] - mean) * inverse * gain[i] + shift[i]
  }
  return tensor
}

/**
 * x / sqrt(mean(x^2) + epsilon) * weight, Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467; T5's layer norm.
 * @param frozenAt the mean square is that of this tensor, of the shape of x; then x goes in linearly
 */
export function rmsNorm(x: Float, weight: Float, epsilon: number, frozenAt = x): Float {
  checkWidth('rmsNorm', x, weight)
  const source = rowMajor(x)
  const scaled = rowMajor(frozenAt)
  const gain = rowMajor(weight)
  const width = lastSize(x.shape)
  const { tensor, data } = output(x.shape)
  for (let start = 0; start < data.length; start += width) {
    let squares = 0
    for (let i = 0; i < width; i++) squares += scaled[start + i] ** 2
    const inverse = 1 / Math.sqrt(squares / width + epsilon)
    for (let i = 0; i < width; i++) data[start + i] = source[start + i] * inverse * gain[i]
  }
  return tensor
}

/** x / max(|x|, epsilon) over the last axis: vectors of length 1, whose dot product is the cosine. */
export function normalize(x: Float, epsilon = 1e-12): Float {
  const source = rowMajor(x)
  const width = lastSize(x.shape)
  const { tensor, data } = output(x.shape)
  for (let start = 0; start < data.length; start += width) {
    let squares = 0
    for (let i = 0; i < width; i++) squares += source[start + i] ** 2
    const length = Math.max(Math.sqrt(squares), epsilon)
    for (let i = 0; i < width; i++) data[start + i] = source[start + i] / length
  }
  return tensor
}

function meanOf(data: Float32Array, start: number, width: number): number {
  let sum = 0
  for (let i = start; i < start + width; i++) sum += data[i]
  return sum / width
}

function checkWidth(operation: string, x: Float, weight: Float): void {
  if (weight.rank !== 1 || weight.size !== x.shape.at(-1)) {
    throw new ShapeError(operation, `input ${showShape(x.shape)} does not fit weight ${showShape(weight.shape)}`)
  }
}
