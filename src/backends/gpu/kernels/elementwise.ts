/**
 * What happens to each element by itself, or to two elements in the same place, and what only moves elements. Inputs are views of up to four axes.
 */
import type { Activation } from '../../../tensor/ops/index.js'
import { activationCall } from './product.js'
import { element, ROW_SIZES, rowOf, view, type KernelSource } from './source.js'

/** An array as it comes from JavaScript, put on the device. */
export const upload: KernelSource = {
  name: 'upload',
  parameters: { x: 'array' },
  body: 'return x[this.thread.x]',
}

/** A view in row-major order. */
export const copy: KernelSource = {
  name: 'copy',
  parameters: { ...view('x'), ...ROW_SIZES },
  body: `return ${element('x')}`,
}

export const scale: KernelSource = {
  name: 'scale',
  parameters: { ...view('x'), ...ROW_SIZES, factor: 'number' },
  body: `return ${element('x')} * factor`,
}

export function activate(activation: Activation): KernelSource {
  return {
    name: `activate.${activation}`,
    parameters: { ...view('x'), ...ROW_SIZES },
    body: `
      const value = ${element('x')}
      return ${activationCall(activation, 'value')}`,
  }
}

export const add: KernelSource = {
  name: 'add',
  parameters: { ...view('a'), ...view('b'), ...ROW_SIZES },
  body: `return ${element('a')} + ${element('b')}`,
}

export const multiply: KernelSource = {
  name: 'multiply',
  parameters: { ...view('a'), ...view('b'), ...ROW_SIZES },
  body: `return ${element('a')} * ${element('b')}`,
}

/**
 * Scores of attention as they go into softmax: scaled, with bias and mask added, which broadcast, and beyond the last key that a query sees with
 * the lowest number. Rows are [batch, heads, query]; `seen` is the number of keys that the first query sees.
 */
export const maskScores: KernelSource = {
  name: 'maskScores',
  parameters: {
    ...view('x'),
    ...view('bias'),
    ...view('mask'),
    ...ROW_SIZES,
    factor: 'number',
    seen: 'integer',
    lowest: 'number',
  },
  body: `
    let score = ${element('x')} * factor + ${element('bias')} + ${element('mask')}
    if (this.thread.x >= seen + inner(this.thread.y, d2)) { score = score + lowest }
    return Math.max(score, lowest)`,
}

/** Rotary positions on [batch, heads, seq, headDim]: element i and element i + half turn together. */
export const rotate: KernelSource = {
  name: 'rotate',
  parameters: { ...view('x'), ...ROW_SIZES, cos: 'array', sin: 'array', half: 'integer', item: 'integer' },
  body: `
    let partner = 0
    let sign = 1
    let angle = 0
    let turn = 0
    if (this.thread.x < half) {
      sign = -1
      partner = x[${rowOf('x')} + (this.thread.x + half) * x3]
      angle = cos[outer(this.thread.y, d1, d2) * item + inner(this.thread.y, d2) * half + this.thread.x]
      turn = sin[outer(this.thread.y, d1, d2) * item + inner(this.thread.y, d2) * half + this.thread.x]
    } else {
      partner = x[${rowOf('x')} + (this.thread.x - half) * x3]
      angle = cos[outer(this.thread.y, d1, d2) * item + inner(this.thread.y, d2) * half + this.thread.x - half]
      turn = sin[outer(this.thread.y, d1, d2) * item + inner(this.thread.y, d2) * half + this.thread.x - half]
    }
    return ${element('x')} * angle + sign * partner * turn`,
}

/** An array of four axes in which a box, from `from` on and of the size `size`, is taken from a view. */
export const place: KernelSource = {
  name: 'place',
  parameters: {
    old: 'array',
    width: 'integer',
    ...view('x'),
    ...ROW_SIZES,
    ...Object.fromEntries(
      [0, 1, 2, 3].flatMap((axis) => [
        [`from${axis}`, 'integer'],
        [`size${axis}`, 'integer'],
      ]),
    ),
  },
  body: `
    if (outer(this.thread.y, d1, d2) >= from0 && outer(this.thread.y, d1, d2) < from0 + size0
      && middle(this.thread.y, d1, d2) >= from1 && middle(this.thread.y, d1, d2) < from1 + size1
      && inner(this.thread.y, d2) >= from2 && inner(this.thread.y, d2) < from2 + size2
      && this.thread.x >= from3 && this.thread.x < from3 + size3) {
      return x[xAt + (outer(this.thread.y, d1, d2) - from0) * x0 + (middle(this.thread.y, d1, d2) - from1) * x1
        + (inner(this.thread.y, d2) - from2) * x2 + (this.thread.x - from3) * x3]
    }
    return old[this.thread.y * width + this.thread.x]`,
}
