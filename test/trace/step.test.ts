/**
 * Stepping through runs: where they stand, how they go on, and that nothing is left of one that was stopped.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { AbortedError, InputError, ShapeError } from '../../src/errors.js'
import { BertModel } from '../../src/models/bert.js'
import { T5ForConditionalGeneration } from '../../src/models/t5.js'
import type { GenerateOutput } from '../../src/generation/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { step, type Hooks } from '../../src/trace/index.js'
import { BACKENDS } from '../support/backends.js'
import { goldenPath } from '../support/goldens.js'

describe.each(BACKENDS)('step on $name', ({ create }) => {
  let model: T5ForConditionalGeneration
  const inputs = { inputIds: [[5, 6, 7, 8]], decoderInputIds: [[0, 9, 10]] }
  beforeAll(async () => {
    model = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), { backend: await create() })
  })

  test('pauses at every point in the order of the pass, and nothing after it is computed yet', async () => {
    const points = model.hookPoints().map(({ name }) => name)
    const seen: string[] = []
    const passed: string[] = []
    const run = (hooks: Hooks) =>
      model.forward(inputs, { hooks: [hooks, { '*': (_, { name }) => void passed.push(name) }] })
    const walk = step(run, ['*'])
    for (;;) {
      const { value, done } = await walk.next()
      if (done) {
        expect(value.logits.toArray()).toEqual((await run({})).logits.toArray())
        break
      }
      expect(passed).toEqual(seen)
      seen.push(value.point.name)
      await new Promise(setImmediate)
      expect(passed).toHaveLength(seen.length - 1)
    }
    expect([...seen].sort()).toEqual([...points].sort())
    expect(seen.indexOf('encoder.final_norm')).toBeLessThan(seen.indexOf('decoder.0.resid_pre'))
    expect(seen.at(-1)).toBe('logits')
  })

  test('goes on with what was put in the place of the tensor', async () => {
    const forced = Tensor.zeros('float32', [1, 1, 128])
    forced.data[17] = 50
    const walk = step((hooks) => model.generate({ inputIds: [[5, 6]] }, { hooks, maxNewTokens: 3 }), ['logits'])
    const steps: (number | undefined)[] = []
    let output: GenerateOutput | undefined
    while (!output) {
      const { value, done } = await walk.next()
      if (done) output = value
      else {
        steps.push(value.step?.index)
        value.replace(forced)
      }
    }
    expect(output.sequences).toEqual([[0, 17, 17, 17]])
    expect(steps).toEqual([0, 1, 2])
  })

  test('refuses a replacement of another shape, or one that comes too late', async () => {
    const walk = step((hooks) => model.forward(inputs, { hooks }), ['decoder.*.resid_pre'])
    const first = (await walk.next()).value
    await walk.next()
    expect(() => 'replace' in first && first.replace(Tensor.float32([1]))).toThrow(InputError)
    const second = step((hooks) => model.forward(inputs, { hooks }), ['logits'])
    const { value } = await second.next()
    if ('replace' in value) value.replace(Tensor.float32([1]))
    await expect(second.next()).rejects.toBeInstanceOf(ShapeError)
    await walk.return(undefined as never)
  })

  test('leaving the loop ends the run, and the model is free for the next', async () => {
    let run: Promise<unknown> | undefined
    let pauses = 0
    for await (const { point } of step(
      (hooks) => {
        const generation = model.generate({ inputIds: [[5, 6], [7, 8]] }, { hooks, numBeams: 3 }) // prettier-ignore
        run = generation
        return generation
      },
      ['decoder.*.cross_attention.probs'],
    )) {
      expect(point.name).toMatch(/^decoder/)
      if (++pauses === 5) break
    }
    expect(pauses).toBe(5)
    await expect(run).rejects.toBeInstanceOf(AbortedError)
    const again = await model.generate({ inputIds: [[5, 6]] }, { maxNewTokens: 2 })
    expect(again.sequences[0].length).toBeGreaterThan(1)
  })

  test('a signal ends the run where it stands, and before it has begun', async () => {
    const controller = new AbortController()
    let run: Promise<unknown> | undefined
    const begin = (hooks: Hooks) => (run = model.generate({ inputIds: [[5, 6]] }, { hooks, maxNewTokens: 3 }))
    const walk = step(begin, ['logits'], { signal: controller.signal })
    expect((await walk.next()).done).toBe(false)
    controller.abort('enough')
    await expect(walk.next()).rejects.toMatchObject({ code: 'aborted', cause: 'enough' })
    await expect(run).rejects.toBeInstanceOf(AbortedError)
    expect((await walk.next()).done).toBe(true)

    run = undefined
    await expect(step(begin, ['logits'], { signal: controller.signal }).next()).rejects.toBeInstanceOf(AbortedError)
    expect(run).toBeUndefined()
  })

  test('a signal that fires while the run computes ends it at the next point', async () => {
    const controller = new AbortController()
    const passed: string[] = []
    const stop: Hooks = {
      'encoder.0.resid_pre': () => controller.abort(),
      '*': (_, { name }) => void passed.push(name),
    }
    const walk = step((hooks) => model.forward(inputs, { hooks: [stop, hooks] }), ['encoder.1.resid_pre', 'logits'], controller) // prettier-ignore
    await expect(walk.next()).rejects.toBeInstanceOf(AbortedError)
    expect(passed.at(-1)).toBe('encoder.1.resid_pre')
  })

  test('passes on what the run throws', async () => {
    const walk = step(
      (hooks) => model.forward({ inputIds: [[5]], decoderInputIds: [[0, 1000]] }, { hooks }),
      ['logits'],
    )
    await expect(walk.next()).rejects.toThrow('1000')
    const unknown = step((hooks) => model.forward(inputs, { hooks }), ['nothing like it'])
    await expect(unknown.next()).rejects.toBeInstanceOf(InputError)
  })

  test('walks through an encoder, and through two runs at once, one pause after the other', async () => {
    const bert = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: await create() })
    const both = (hooks: Hooks) =>
      Promise.all([[[5, 6]], [[7, 8, 9]]].map((inputIds) => bert.forward({ inputIds }, { hooks })))
    const widths: number[] = []
    for await (const { tensor } of step(both, ['encoder.*.attention_norm'])) widths.push(tensor.shape[1])
    expect(widths.sort()).toEqual([2, 2, 3, 3])
  })
})
