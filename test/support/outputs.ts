/**
 * Comparing all of a model's outputs with a recorded pass: the names of the oracle's fields, in snake case and numbered where
 * they are lists, are those of ours in camel case.
 */
import { expect } from 'vitest'
import { pool, type PoolingMode } from '../../src/layers/index.js'
import { activate, type Float, type Ids } from '../../src/tensor/ops/index.js'
import { only } from './padding.js'
import { expectClose, TOLERANCE, type GoldenTensors } from './goldens.js'

export interface RecordedOutputs {
  readonly golden: GoldenTensors
  /** Names of the outputs in the file. */
  readonly outputs: readonly string[]
  /** Positions that count, [batch, seq]; by default all. */
  readonly where?: Ids
}

/** Every recorded output is there and equal, and no list is longer than the recorded one. */
export function expectOutputs(output: object, { golden, outputs, where }: RecordedOutputs): void {
  const fields = output as Readonly<Record<string, unknown>>
  for (const name of outputs) {
    const wanted = golden.float(name)
    if (name === 'loss') {
      expect(Math.abs((fields.loss as number) - wanted.toArray()[0]), 'loss').toBeLessThan(1e-4)
      continue
    }
    const tolerance = name.includes('attentions.') ? TOLERANCE.probabilities : TOLERANCE.states
    const got = outputNamed(name, fields, golden)
    expectClose(got && only(where, got), only(where, wanted), tolerance, name)
  }
  for (const list of new Set(outputs.filter((name) => /\.\d+$/.test(name)).map((name) => name.split('.')[0]))) {
    const recorded = outputs.filter((name) => name.startsWith(`${list}.`))
    expect(fields[camelCase(list)], list).toHaveLength(recorded.length)
  }
}

function outputNamed(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  golden: GoldenTensors,
): Float | undefined {
  const [field, index] = name.split('.')
  if (field === 'sigmoid_logits') return activate(fields.logits as Float, 'sigmoid')
  if (field === 'pooling') {
    const mode = index.replace('_normalized', '') as PoolingMode
    const normalize = index.endsWith('_normalized')
    return pool(fields.lastHiddenState as Float, golden.ids('attention_mask'), { mode, normalize })
  }
  const value = fields[camelCase(field)]
  return (Array.isArray(value) ? value[Number(index)] : value) as Float | undefined
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}
