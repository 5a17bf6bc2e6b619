/**
 * Reading recorded expectations, and comparing tensors with them. The oracle is described in test/goldens/README.md.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import type { Float, Ids } from '../../src/tensor/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { firstDifference, type Tolerance } from './tolerance.js'

export interface GoldenGeneration {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly input_ids: readonly (readonly number[])[]
  readonly attention_mask: readonly (readonly number[])[]
  readonly output_ids: readonly (readonly number[])[]
  /** Of a beam search. */
  readonly sequences_scores?: readonly number[]
}

export interface GoldenCase {
  readonly model_class: string
  readonly forward: readonly {
    readonly file: string
    readonly inputs: Readonly<Record<string, unknown>>
    readonly outputs: readonly string[]
  }[]
  readonly generate?: readonly GoldenGeneration[]
}

/** Path of a file under test/goldens. */
export function goldenPath(...parts: string[]): string {
  return fileURLToPath(new URL(`../goldens/${parts.join('/')}`, import.meta.url))
}

export function goldenJson<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(goldenPath(...parts), 'utf8')) as T
}

export function goldenCase(folder: string): GoldenCase {
  return goldenJson<GoldenCase>(folder, 'case.json')
}

/** All tensors of a recorded file; 64-bit ids as int32, which is what the engine takes. */
export async function goldenTensors(...parts: string[]): Promise<GoldenTensors> {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(...parts))))
  const tensors = new Map<string, Tensor>()
  for (const name of file.tensors.keys()) tensors.set(name, await file.tensor(name))
  return new GoldenTensors(tensors)
}

export class GoldenTensors {
  readonly #tensors: ReadonlyMap<string, Tensor>

  constructor(tensors: ReadonlyMap<string, Tensor>) {
    this.#tensors = tensors
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  float(name: string): Float {
    return this.#get(name).to('float32')
  }

  ids(name: string): Ids {
    return this.#get(name).to('int32')
  }

  /** The bytes of a uint8 tensor. */
  bytes(name: string): Uint8Array {
    return this.#get(name).to('uint8').copy().data
  }

  #get(name: string): Tensor {
    const tensor = this.#tensors.get(name)
    if (!tensor) throw new Error(`the golden file has no ${name}`)
    return tensor
  }
}

/** Compares shape and every value; the message names the first that differs. */
export function expectClose(got: Float | undefined, wanted: Float, tolerance: Tolerance, what: string): void {
  const difference = firstDifference(got, wanted, tolerance)
  if (difference !== undefined) expect.fail(`${what}: ${difference}`)
}

export { TOLERANCE } from './tolerance.js'
