/**
 * A trace in a file: it comes back as it was, Python's safetensors reads it, and what is wrong in one is said.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GPT2LMHeadModel } from '../../src/models/gpt2.js'
import { SafetensorsError, writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { historyOf, loadTrace, patchFrom, record, saveTrace, TraceFileError } from '../../src/trace/index.js'
import { BACKENDS } from '../support/backends.js'
import { goldenPath } from '../support/goldens.js'
import { SAMPLE_INFO, sampleTrace } from './sample.js'

/** What read_trace.py wrote when Python opened the sample. */
const PYTHON = JSON.parse(readFileSync(new URL('python-trace.json', import.meta.url), 'utf8')) as {
  readonly sha256: string
  readonly tensors: Readonly<Record<string, { dtype: string; shape: number[]; values: number[] }>>
  readonly trace: { readonly model: string; readonly steps: readonly unknown[] }
}

describe('a trace file', () => {
  test('is the very file that Python has opened, with these tensors', async () => {
    const bytes = saveTrace(sampleTrace(), SAMPLE_INFO)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(PYTHON.sha256)
    const ours = [...sampleTrace()].flatMap(([name, list]) =>
      list.map((tensor, n) => [
        `${name}#${n}`,
        { dtype: 'float32', shape: [...tensor.shape], values: tensor.toArray() },
      ]),
    )
    expect(PYTHON.tensors).toEqual(Object.fromEntries(ours))
    expect(PYTHON.trace).toMatchObject({ model: 'sample', steps: [{ start: 0 }, { previous: 0, parents: [0, 0] }] })
  })

  test('comes back as it was: tensors, points, steps and what was said of it', async () => {
    const { trace, ...info } = await loadTrace(
      new Blob([saveTrace(sampleTrace(), SAMPLE_INFO) as Uint8Array<ArrayBuffer>]),
    )
    expect(info).toEqual(SAMPLE_INFO)
    expect(trace).toEqual(sampleTrace())
    const [, second] = trace.get('decoder.0.cross_attention.probs')!
    expect(second.row(1).toArray()).toEqual([0.5, 0.5])
    expect(historyOf(second.step!, 1)).toEqual({ input: 0, tokens: [0, 9] })
    const plain = await loadTrace(saveTrace(new Map()))
    expect(plain).toEqual({ trace: new Map() })
  })

  test.each(BACKENDS)('is good for patches, on $name', async ({ create }) => {
    const model = await GPT2LMHeadModel.fromPretrained(goldenPath('gpt2/base'), { backend: await create() })
    const options = { numBeams: 3, maxNewTokens: 5, minNewTokens: 5 }
    const theirs = await record(
      (hooks) => model.generate({ inputIds: [[8, 9, 10]] }, { ...options, hooks }),
      ['decoder.1.resid_post'],
    )
    const { trace } = await loadTrace(saveTrace(theirs.trace))
    expect(trace).toEqual(theirs.trace)
    const { sequences } = await model.generate({ inputIds: [[5, 6, 7]] }, { ...options, hooks: patchFrom(trace) })
    expect(sequences[0].slice(3)).toEqual(theirs.output.sequences[0].slice(3))
  })

  test('that is none, is newer, or contradicts itself is refused by kind', async () => {
    const point = { name: 'x', shape: ['batch', 2], steps: [null] }
    const step = { previous: null, parents: [0], tokens: [[1]], start: 0 }
    const good = { version: 1, points: [point], steps: [step] }
    const tensors = (...names: string[]) => names.map((name) => [name, Tensor.float32([1, 2], [1, 2])] as const)
    const load = (meta: unknown, of: Iterable<readonly [string, Tensor]> = tensors('x#0')) =>
      loadTrace(writeSafetensors(of, { 'glassformer.trace': typeof meta === 'string' ? meta : JSON.stringify(meta) }))
    expect((await load(good)).trace.size).toBe(1)

    await expect(loadTrace(writeSafetensors(tensors('x#0')))).rejects.toMatchObject({ code: 'not-a-trace' })
    await expect(loadTrace(new Uint8Array(4))).rejects.toBeInstanceOf(SafetensorsError)
    const second = { ...step, previous: 0, parents: [1] }
    for (const [code, meta, of] of [
      ['trace-version', { ...good, version: 2 }],
      ['trace-meta', 'not JSON'],
      ['trace-meta', []],
      ['trace-meta', `{"version":1,"steps":[],"points":${'['.repeat(1e6)}${']'.repeat(1e6)}}`],
      ['trace-meta', { version: 1, points: [point] }],
      ['trace-meta', { ...good, points: {} }],
      ['trace-meta', { ...good, points: [{ ...point, steps: [] }] }],
      ['trace-meta', { ...good, points: [{ ...point, steps: [1] }] }],
      ['trace-meta', { ...good, points: [{ ...point, shape: ['rows'] }] }],
      ['trace-meta', { ...good, points: [{ ...point, name: 3 }] }],
      ['trace-meta', { ...good, steps: [{ ...step, previous: 0 }] }], // itself
      ['trace-meta', { ...good, steps: [{ ...step, parents: [0, 0] }] }],
      ['trace-meta', { ...good, steps: [{ ...step, tokens: [[-1]] }] }],
      ['trace-meta', { ...good, steps: [step, second] }], // a row that the step before has not
      ['trace-meta', { ...good, tokens: { source: ['a'] } }],
      ['trace-meta', { ...good, tokens: { source: [[1]] } }],
      ['trace-tensors', good, tensors('y#0')],
      ['trace-tensors', good, tensors('x#0', 'x#1')],
      ['trace-tensors', { ...good, points: [point, point] }],
      ['trace-tensors', good, [['x#0', Tensor.int32([1, 2], [1, 2])]]],
    ] as const) {
      const error = load(meta, of as Iterable<readonly [string, Tensor]> | undefined)
      const which = JSON.stringify(meta).slice(0, 200)
      await expect(error, which).rejects.toBeInstanceOf(TraceFileError)
      await expect(error, which).rejects.toMatchObject({ code })
      await expect(error, which).rejects.not.toThrow('call stack')
    }
  })
})
