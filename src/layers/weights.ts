/**
 * From a checkpoint's tensors to a model's parameters. A model is built first: every layer asks for its weights by name and
 * shape and gets empty parameters. Then `load` compares all names and shapes with the file's header, reports every difference at
 * once, and only then reads the tensors, one by one, straight into the backend's own order. So a hostile or wrong file is
 * refused before memory is taken for it, and no tensor is held twice.
 */
import type { Backend, PackedMatrix, PackOptions } from '../backends/index.js'
import { WeightsError } from '../errors.js'
import { checkpoint } from '../event-loop.js'
import type { TensorSource } from '../safetensors/index.js'
import { isBlockType } from '../tensor/blocks/index.js'
import { shapesEqual, showShape, type Shape } from '../tensor/shape.js'
import { rowMajor } from '../tensor/ops/float.js'
import type { Float } from '../tensor/ops/index.js'
import type { Tensor } from '../tensor/tensor.js'
import { inBlocks, type BlockDType } from './weight-blocks.js'

/** Dtypes of single elements that weights may have in the file; block formats are others. */
const WEIGHT_DTYPES = new Set(['float32', 'float16', 'bfloat16', 'float64'])

/** A weight that is empty until its model is loaded. */
export class Parameter<T> {
  #value: T | undefined

  /** @throws WeightsError before load() */
  get value(): T {
    if (this.#value === undefined)
      throw new WeightsError('not-loaded', 'the model was used before its weights were loaded')
    return this.#value
  }

  set value(value: T) {
    this.#value = value
  }
}

interface Wanted {
  readonly tensors: readonly { readonly name: string; readonly shape: Shape }[]
  /** Moves the tensors into the backend and returns what it holds there. */
  readonly fill: (tensors: readonly Tensor[]) => PackedMatrix | Float
  /** What the first tensor is for, if it is a matrix. */
  readonly matrix?: Pick<MatrixOptions, 'use' | 'transposed'>
}

export interface LoadOptions {
  readonly signal?: AbortSignal
  /** Called after each tensor with the number of tensors done and of all. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface WeightsOptions {
  readonly backend: Backend
  /** Whether the backend is for these weights alone and is disposed with them. */
  readonly owned?: boolean
  /** `int8` quantises the matrices of linear layers; `q8` and `q4` do so in blocks ({@link inBlocks}), tied heads among them. */
  readonly dtype?: 'int8' | BlockDType
}

/** What all views of one checkpoint share. */
interface Checkpoint {
  readonly source: TensorSource
  readonly options: WeightsOptions
  readonly wanted: Wanted[]
  readonly ignored: { readonly prefix: string; readonly pattern: RegExp }[]
  readonly held: (PackedMatrix | Float)[]
}

export class Weights {
  readonly #checkpoint: Checkpoint
  /** What all names begin with, the dot included. */
  readonly #prefix: string

  constructor(source: TensorSource, options: WeightsOptions)
  /** @internal */
  constructor(source: TensorSource, options: WeightsOptions, checkpoint: Checkpoint, prefix: string)
  constructor(source: TensorSource, options: WeightsOptions, checkpoint?: Checkpoint, prefix = '') {
    this.#checkpoint = checkpoint ?? { source, options, wanted: [], ignored: [], held: [] }
    this.#prefix = prefix
  }

  get backend(): Backend {
    return this.#checkpoint.options.backend
  }

  /** Whether the file has a tensor of that name. */
  has(name: string): boolean {
    return this.#checkpoint.source.tensors.has(this.#prefix + name)
  }

  /** Tensors that the file may hold and the model does not use. */
  ignore(...patterns: readonly RegExp[]): void {
    for (const pattern of patterns) this.#checkpoint.ignored.push({ prefix: this.#prefix, pattern })
  }

  /** The part of the checkpoint under a dotted prefix, for the layers of a model: `encoder.block.0`. */
  scope(prefix: string): WeightScope {
    return new WeightScope(this, prefix)
  }

  /** The checkpoint as a whole model sees it whose names all begin with a prefix, as the parts of a RAG model's do. */
  within(prefix: string): Weights {
    const { source, options } = this.#checkpoint
    return new Weights(source, options, this.#checkpoint, `${this.#prefix}${prefix}.`)
  }

  /**
   * Where the base model's tensors are: under its name in a checkpoint that was saved with a head (`bert.encoder…`), at the
   * top in one that was saved without (`encoder…`).
   */
  base(name: string): Weights {
    const prefix = `${this.#prefix}${name}.`
    const saved = [...this.#checkpoint.source.tensors.keys()].some((tensor) => tensor.startsWith(prefix))
    return saved ? this.within(name) : this
  }

  /** What the model asks its matrices for, by their names in the file. */
  get matrices(): ReadonlyMap<string, Pick<MatrixOptions, 'use' | 'transposed'>> {
    const found = this.#checkpoint.wanted.flatMap(({ tensors, matrix }) =>
      matrix ? [[tensors[0].name, matrix] as const] : [],
    )
    return new Map(found)
  }

  /** @internal */
  want(wanted: Wanted): void {
    const tensors = wanted.tensors.map(({ name, shape }) => ({ name: this.#prefix + name, shape }))
    this.#checkpoint.wanted.push({ ...wanted, tensors })
  }

  /**
   * Reads every wanted tensor into its parameter.
   * @throws WeightsError that lists all missing, misshapen and unused tensors
   */
  async load({ signal, onProgress }: LoadOptions = {}): Promise<void> {
    this.check()
    const { source, wanted, held } = this.#checkpoint
    let done = 0
    for (const { tensors, fill } of wanted) {
      await checkpoint(signal, `loading ${source.name}`)
      const read: Tensor[] = []
      for (const { name } of tensors) read.push(await source.tensor(name))
      held.push(fill(read))
      onProgress?.(++done, wanted.length)
    }
  }

  /** Gives back the memory of all parameters, and the backend if it is owned. Idempotent. */
  dispose(): void {
    for (const held of this.#checkpoint.held.splice(0)) this.backend.free(held)
    if (this.#checkpoint.options.owned) this.backend.dispose()
  }

  /** @internal */
  pack(weight: Tensor, options: PackOptions): PackedMatrix {
    const { dtype } = this.#checkpoint.options
    if (dtype === 'q8' || dtype === 'q4') return this.backend.pack(inBlocks(dtype, options.use, weight), options)
    return this.backend.pack(weight, { ...options, dtype: options.use === 'linear' ? dtype : undefined })
  }

  /** @throws WeightsError that lists all missing, misshapen and unused tensors */
  check(): void {
    const { source, wanted, ignored } = this.#checkpoint
    const names = new Set<string>()
    const problems: string[] = []
    for (const { name, shape } of wanted.flatMap(({ tensors }) => tensors)) {
      names.add(name)
      const info = source.tensors.get(name)
      if (info === undefined) problems.push(`missing: ${name} ${showShape(shape)}`)
      else if (!shapesEqual(info.shape, shape)) {
        problems.push(`misshapen: ${name} is ${showShape(info.shape)}, the config asks for ${showShape(shape)}`)
      } else if (!WEIGHT_DTYPES.has(info.dtype) && !isBlockType(info.dtype))
        problems.push(`not a float: ${name} is ${info.dtype}`)
    }
    const isIgnored = (name: string) =>
      ignored.some(({ prefix, pattern }) => name.startsWith(prefix) && pattern.test(name.slice(prefix.length)))
    for (const [name, { shape }] of source.tensors) {
      if (names.has(name) || isIgnored(name)) continue
      problems.push(`unused: ${name} ${showShape(shape)}`)
    }
    if (problems.length === 0) return
    const shown = problems.slice(0, 20)
    if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`)
    throw new WeightsError(
      'weights-mismatch',
      `${source.name} does not fit the model that its config.json describes:\n  ${shown.join('\n  ')}`,
    )
  }
}

/** Asks for weights under a prefix. */
export class WeightScope {
  readonly #weights: Weights
  readonly #prefix: string

  constructor(weights: Weights, prefix: string) {
    this.#weights = weights
    this.#prefix = prefix
  }

  scope(name: string): WeightScope {
    return new WeightScope(this.#weights, this.#name(name))
  }

  /** Whether the file has a tensor of that name here. */
  has(name: string): boolean {
    return this.#weights.has(this.#name(name))
  }

  /** A matrix [rows, columns], packed; with `bias`, a second tensor [rows] beside it. */
  matrix(name: string, shape: readonly [number, number], options: MatrixOptions): Parameter<PackedMatrix> {
    const parameter = new Parameter<PackedMatrix>()
    const stored = options.transposed ? shape.toReversed() : shape
    const tensors: { name: string; shape: Shape }[] = [{ name: this.#name(name), shape: stored }]
    if (options.bias !== undefined) tensors.push({ name: this.#name(options.bias), shape: [shape[0]] })
    this.#weights.want({
      tensors,
      matrix: options,
      fill: ([weight, bias]) => {
        const matrix = options.transposed ? weight.transpose() : weight
        return (parameter.value = this.#weights.pack(matrix, { bias, use: options.use }))
      },
    })
    return parameter
  }

  /** A vector [size] or another small tensor, as float32, with a number added to each element. */
  vector(name: string, shape: Shape, plus = 0): Parameter<Float> {
    const parameter = new Parameter<Float>()
    this.#weights.want({
      tensors: [{ name: this.#name(name), shape }],
      fill: ([tensor]) => {
        const held = this.#weights.backend.allocate(shape)
        const values = rowMajor(tensor.to('float32'))
        held.data.set(plus === 0 ? values : values.map((value) => value + plus), held.offset)
        return (parameter.value = held)
      },
    })
    return parameter
  }

  #name(name: string): string {
    return this.#prefix === '' ? name : `${this.#prefix}.${name}`
  }
}

export interface MatrixOptions {
  readonly use: 'gather' | 'linear' | 'both'
  /** Name of the bias tensor, where there is one. */
  readonly bias?: string
  /** Whether the file holds [columns, rows]. */
  readonly transposed?: boolean
}
