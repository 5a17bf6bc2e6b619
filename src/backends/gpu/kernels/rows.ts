/**
 * Softmax and the norms: what depends on a whole row. One kernel makes a number of each row, of which the next ones make the result. Rows lie
 * in row-major order, [rows, width].
 */
import type { KernelSource } from './source.js'

/** A number of each row, the result being [rows] in one row. */
function ofRow(name: string, body: string, more: KernelSource['parameters'] = {}): KernelSource {
  return { name, parameters: { x: 'array', width: 'count', ...more }, body }
}

export const rowMax = ofRow(
  'rowMax',
  `
    let largest = x[this.thread.x * width]
    for (let i = 0; i < width; i++) {
      largest = Math.max(largest, x[this.thread.x * width + i])
    }
    return largest`,
)

/** Sum of exp(x - max) */
export const rowExpSum = ofRow(
  'rowExpSum',
  `
    let sum = 0
    const largest = max[this.thread.x]
    for (let i = 0; i < width; i++) {
      sum += Math.exp(x[this.thread.x * width + i] - largest)
    }
    return sum`,
  { max: 'array' },
)

export const softmax: KernelSource = {
  name: 'softmax',
  parameters: { x: 'array', max: 'array', sum: 'array', width: 'integer' },
  body: 'return Math.exp(x[this.thread.y * width + this.thread.x] - max[this.thread.y]) / sum[this.thread.y]',
}

export const logSoftmax: KernelSource = {
  name: 'logSoftmax',
  parameters: { x: 'array', max: 'array', sum: 'array', width: 'integer' },
  body: 'return x[this.thread.y * width + this.thread.x] - max[this.thread.y] - Math.log(sum[this.thread.y])',
}

export const rowMean = ofRow(
  'rowMean',
  `
    let sum = 0
    for (let i = 0; i < width; i++) {
      sum += x[this.thread.x * width + i]
    }
    return sum / width`,
)

/** 1 / sqrt(variance + epsilon) */
export const rowInverseDeviation = ofRow(
  'rowInverseDeviation',
  `
    let sum = 0
    const center = mean[this.thread.x]
    for (let i = 0; i < width; i++) {
      const distance = x[this.thread.x * width + i] - center
      sum += distance * distance
    }
    return 1 / Math.sqrt(sum / width + epsilon)`,
  { mean: 'array', epsilon: 'number' },
)

export const layerNorm: KernelSource = {
  name: 'layerNorm',
  parameters: { x: 'array', mean: 'array', inverse: 'array', gain: 'array', shift: 'array', width: 'integer' },
  body: `
    return (x[this.thread.y * width + this.thread.x] - mean[this.thread.y]) * inverse[this.thread.y] * gain[this.thread.x]
      + shift[this.thread.x]`,
}

/** 1 / sqrt(mean(x^2) + epsilon) */
export const rowInverseRms = ofRow(
  'rowInverseRms',
  `
    let sum = 0
    for (let i = 0; i < width; i++) {
      const value = x[this.thread.x * width + i]
      sum += value * value
    }
    return 1 / Math.sqrt(sum / width + epsilon)`,
  { epsilon: 'number' },
)

export const rmsNorm: KernelSource = {
  name: 'rmsNorm',
  parameters: { x: 'array', inverse: 'array', gain: 'array', width: 'integer' },
  body: 'return x[this.thread.y * width + this.thread.x] * inverse[this.thread.y] * gain[this.thread.x]',
}
