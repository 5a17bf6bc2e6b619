/**
 * How a kernel is written. Its body is JavaScript as gpu.js translates it: one call computes one element of a result [rows, columns],
 * that in row `this.thread.y` and column `this.thread.x`. Bodies are strings, since gpu.js parses their text and a minifier would
 * change it.
 *
 * Arrays are flat. A variable is a float, and float32 counts to 2^24 only, so positions are written out where they are used, of
 * integers alone: `x[this.thread.y * k + i]`. The only integers are parameters, loop counters, `this.thread` and what
 * the functions below return.
 */

/** `quads` are an array of four numbers side by side, which WebGL reads at once; `count` is an integer that bounds a loop. */
export type ParameterType = 'array' | 'quads' | 'integer' | 'count' | 'number'

export interface KernelSource {
  /** Its name in `kernelSources()`, and under which it is compiled once. */
  readonly name: string
  readonly parameters: Readonly<Record<string, ParameterType>>
  readonly body: string
}

/** A function that bodies may call. */
export interface KernelFunction {
  readonly name: string
  readonly source: string
  readonly argumentTypes: readonly string[]
  readonly returnType: string
}

/**
 * Parameters of a view with up to four axes: the array, where the view begins, and its strides. In a result whose rows are
 * the first three axes of the view, `element` is what stands under the column.
 */
export function view(name: string): Readonly<Record<string, ParameterType>> {
  return {
    [name]: 'array',
    [`${name}At`]: 'integer',
    ...Object.fromEntries([0, 1, 2, 3].map((axis) => [`${name}${axis}`, 'integer'] as const)),
  }
}

/** Sizes of the second and third axis, by which a row number is taken apart. */
export const ROW_SIZES = { d1: 'integer', d2: 'integer' } as const

/** Where a row of a view begins. */
export function rowOf(name: string): string {
  return (
    `${name}At + outer(this.thread.y, d1, d2) * ${name}0 + middle(this.thread.y, d1, d2) * ${name}1` +
    ` + inner(this.thread.y, d2) * ${name}2`
  )
}

/** The element of a view in this row and column. */
export function element(name: string): string {
  return `${name}[${rowOf(name)} + this.thread.x * ${name}3]`
}

const integers = (count: number) => new Array<string>(count).fill('Integer')

/**
 * Whole quotients. There is no integer division in all languages that a kernel is translated to, and a GPU's float division may be off in the
 * last places: half a step more than the numerator is exact for numerators up to {@link LARGEST_ROW}.
 */
const INTEGER_FUNCTIONS: readonly KernelFunction[] = [
  {
    name: 'quotient',
    source: 'function quotient(a, b) { return Math.floor((a + 0.5) / b) }',
    argumentTypes: integers(2),
    returnType: 'Integer',
  },
  {
    name: 'outer',
    source: 'function outer(row, d1, d2) { return Math.floor((Math.floor((row + 0.5) / d2) + 0.5) / d1) }',
    argumentTypes: integers(3),
    returnType: 'Integer',
  },
  {
    name: 'middle',
    source: `function middle(row, d1, d2) {
      return Math.floor((row + 0.5) / d2) - d1 * Math.floor((Math.floor((row + 0.5) / d2) + 0.5) / d1)
    }`,
    argumentTypes: integers(3),
    returnType: 'Integer',
  },
  {
    name: 'inner',
    source: 'function inner(row, d2) { return Math.floor(row - d2 * Math.floor((row + 0.5) / d2)) }',
    argumentTypes: integers(2),
    returnType: 'Integer',
  },
  {
    name: 'whole',
    source: 'function whole(value) { return Math.floor(value + 0.5) }',
    argumentTypes: ['Number'],
    returnType: 'Integer',
  },
]

/** Rows of a result, at most: see {@link INTEGER_FUNCTIONS}. */
export const LARGEST_ROW = 2 ** 20

const number = (name: string, body: string): KernelFunction => ({
  name,
  source: `function ${name}(x) { ${body} }`,
  argumentTypes: ['Number'],
  returnType: 'Number',
})

/**
 * The activations, so that nothing overflows on its way: exponentials are of negative numbers only. The error function is that of Abramowitz and Stegun
 * 7.1.26, whose error is below 1.5e-7.
 */
const NUMBER_FUNCTIONS: readonly KernelFunction[] = [
  number('relu', 'return Math.max(x, 0)'),
  number(
    'sigmoid',
    'const e = Math.exp(-Math.abs(x)); let part = e / (1 + e); if (x > 0) { part = 1 / (1 + e) } return part',
  ),
  number(
    'silu',
    'const e = Math.exp(-Math.abs(x)); let part = e / (1 + e); if (x > 0) { part = 1 / (1 + e) } return x * part',
  ),
  number('tanh_', 'const e = Math.exp(-2 * Math.abs(x)); let y = (1 - e) / (1 + e); if (x < 0) { y = 0 - y } return y'),
  number(
    'gelu_tanh',
    `const z = 0.7978845608028654 * (x + 0.044715 * x * x * x)
     const e = Math.exp(-2 * Math.abs(z))
     let y = (1 - e) / (1 + e)
     if (z < 0) { y = 0 - y }
     return 0.5 * x * (1 + y)`,
  ),
  number(
    'gelu',
    `const z = Math.abs(x) * 0.7071067811865476
     const t = 1 / (1 + 0.3275911 * z)
     let y = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-z * z)
     if (x < 0) { y = 0 - y }
     return 0.5 * x * (1 + y)`,
  ),
]

/** The functions that a body calls. */
export function functionsOf(body: string): readonly KernelFunction[] {
  return [...INTEGER_FUNCTIONS, ...NUMBER_FUNCTIONS].filter(({ name }) => new RegExp(`\\b${name}\\(`).test(body))
}
