import { describe, expect, test } from 'vitest'
import * as ops from '../../src/tensor/ops/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { expectClose, goldenJson, goldenTensors, TOLERANCE, type GoldenTensors } from '../support/goldens.js'

interface OpCase {
  readonly case: string
  readonly outputs: readonly string[]
  readonly args: Readonly<Record<string, number | boolean | string>>
}

/** What computes the outputs of a case, by the first part of its name. */
type Compute = (
  input: (name: string) => Float,
  args: OpCase['args'],
  golden: GoldenTensors,
  name: string,
) => readonly Float[]

const one =
  (compute: (input: (name: string) => Float, args: OpCase['args']) => Float): Compute =>
  (input, args) => [compute(input, args)]
const activation = (name: ops.Activation) => one((input) => ops.activate(input('x'), name))

const COMPUTE: Readonly<Record<string, Compute>> = {
  matmul: one((input) => ops.matmul(input('a'), input('b'))),
  matmul_bt: one((input) => ops.linear(input('a'), input('b'))),
  bmm: one((input) => ops.matmul(input('a'), input('b'))),
  bmm_qk: one((input) => ops.matmul(input('a'), input('b').transpose(0, 1, 3, 2))),
  matmul_broadcast: one((input) => ops.matmul(input('a'), input('b'))),
  linear: one((input) => ops.linear(input('x'), input('weight'), input('bias'))),
  addmm_conv1d: one((input) => ops.linear(input('x'), input('weight').transpose(), input('bias'))),
  softmax: one((input) => ops.softmax(input('x'))),
  softmax_large: one((input) => ops.softmax(input('x'))),
  softmax_inf: one((input) => ops.softmax(input('x'))),
  softmax_finfo_min: one((input) => ops.softmax(ops.add(input('x'), input('mask')))),
  softmax_axis1: one((input, args) => ops.softmax(input('x'), Number(args.axis))),
  log_softmax: one((input) => ops.logSoftmax(input('x'))),
  log_softmax_large: one((input) => ops.logSoftmax(input('x'))),
  logsumexp: one((input) => ops.logSumExp(input('x'))),
  layer_norm: one((input, args) => ops.layerNorm(input('x'), input('weight'), input('bias'), Number(args.eps))),
  layer_norm_constant: one((input, args) =>
    ops.layerNorm(input('x'), input('weight'), input('bias'), Number(args.eps)),
  ),
  rms_norm_t5: one((input, args) => ops.rmsNorm(input('x'), input('weight'), Number(args.eps))),
  rms_norm_llama: one((input, args) => ops.rmsNorm(input('x'), input('weight'), Number(args.eps))),
  rms_norm_zeros: one((input, args) => ops.rmsNorm(input('x'), input('weight'), Number(args.eps))),
  'act.gelu_erf': activation('gelu'),
  'act.gelu_tanh': activation('gelu_tanh'),
  'act.gelu_new': activation('gelu_tanh'),
  'act.relu': activation('relu'),
  'act.silu': activation('silu'),
  'act.tanh': activation('tanh'),
  'act.sigmoid': activation('sigmoid'),
  'act.erf': one((input) => Tensor.float32(input('x').toArray().map(ops.erf), input('x').shape)),
  'act.exp_of_neg_abs': one((input) =>
    Tensor.float32(
      input('x')
        .toArray()
        .map((x) => Math.exp(-Math.abs(x))),
      input('x').shape,
    ),
  ),
  t5_buckets: buckets,
  t5_buckets_far: buckets,
  rope: (input, args, golden) => {
    const frequencies = ops.rotaryFrequencies(Number(args.head_dim), Number(args.theta))
    const table = ops.rotaryTable(golden.ids('rope.position_ids'), frequencies)
    return [bothHalves(table.cos), bothHalves(table.sin), ops.rotate(input('q'), table), ops.rotate(input('k'), table)]
  },
  rope_llama3: (_input, args, golden) => {
    const frequencies = ops.rotaryFrequencies(2 * golden.float('rope_llama3.inv_freq').size, Number(args.theta), {
      factor: Number(args.factor),
      lowFrequencyFactor: Number(args.low_freq_factor),
      highFrequencyFactor: Number(args.high_freq_factor),
      originalMaxPositions: Number(args.original_max_position_embeddings),
    })
    const table = ops.rotaryTable(golden.ids('rope_llama3.position_ids'), frequencies)
    return [Tensor.float32(frequencies), bothHalves(table.cos), bothHalves(table.sin)]
  },
  cross_entropy: (input, _args, golden) => {
    const target = golden.ids('cross_entropy.target')
    return [Tensor.float32([ops.crossEntropy(input('x'), target)], []), ops.crossEntropyEach(input('x'), target)]
  },
  embedding: (input, _args, golden) => [ops.gather(input('table'), golden.ids('embedding.ids'))],
  normalize: one((input) => ops.normalize(input('x'))),
  cosine: one((input) => ops.linear(ops.normalize(input('x')), ops.normalize(input('x')))),
  topk: (input, args) => {
    const x = input('x')
    const rows = Array.from({ length: x.shape[0] }, (_, row) => ops.topK(x.select(0, row).copy().data, Number(args.k)))
    const shape = [rows.length, Number(args.k)]
    return [
      Tensor.float32(
        rows.flatMap(({ values }) => [...values]),
        shape,
      ),
      Tensor.float32(
        rows.flatMap(({ indices }) => [...indices]),
        shape,
      ),
    ]
  },
  lstm: (input) => {
    const first = ops.lstm(input('x'), recurrentWeights(input, 0))
    const second = ops.lstm(first.output, recurrentWeights(input, 1))
    return [second.output, stack(first.hidden, second.hidden), stack(first.cell, second.cell)]
  },
  gru: (input) => {
    const first = ops.gru(input('x'), recurrentWeights(input, 0))
    const second = ops.gru(first.output, recurrentWeights(input, 1))
    return [second.output, stack(first.hidden, second.hidden)]
  },
}

function buckets(_input: unknown, args: OpCase['args'], golden: GoldenTensors, name: string): readonly Float[] {
  const distances = golden.ids(`${name}.relative_position`)
  const options = {
    numBuckets: Number(args.num_buckets),
    maxDistance: Number(args.max_distance),
    bidirectional: Boolean(args.bidirectional),
  }
  return [
    Tensor.float32(
      distances.toArray().map((distance) => ops.relativePositionBucket(distance, options)),
      distances.shape,
    ),
  ]
}

function recurrentWeights(input: (name: string) => Float, layer: number): ops.RecurrentWeights {
  return {
    inputWeight: input(`weight_ih_l${layer}`),
    hiddenWeight: input(`weight_hh_l${layer}`),
    inputBias: input(`bias_ih_l${layer}`),
    hiddenBias: input(`bias_hh_l${layer}`),
  }
}

function stack(a: Float, b: Float): Float {
  return Tensor.float32([...a.toArray(), ...b.toArray()], [2, ...a.shape])
}

/** The oracle repeats cosines and sines for both halves of a head. */
function bothHalves(table: Float): Float {
  const [batch, seq, half] = table.shape
  return table
    .reshape([batch, seq, 1, half])
    .broadcastTo([batch, seq, 2, half])
    .reshape([batch, seq, 2 * half])
}

const { cases } = goldenJson<{ cases: OpCase[] }>('ops', 'case.json')
const EXACT = /^(t5_buckets|embedding|topk)/

describe('every op gives the numbers of PyTorch', async () => {
  const golden = await goldenTensors('ops', 'expected.safetensors')
  test.each(cases)('$case', ({ case: name, outputs, args }) => {
    const compute = COMPUTE[name] ?? COMPUTE[name.split('.')[0]]
    const results = compute((input) => golden.float(`${name}.${input}`), args, golden, name)
    expect(results).toHaveLength(outputs.length)
    const tolerance = EXACT.test(name) ? { abs: 0, rel: 0 } : TOLERANCE.ops
    outputs.forEach((output, i) => expectClose(results[i].contiguous(), golden.float(output), tolerance, output))
  })
})

describe('shape errors name the op and the shapes', () => {
  const zeros = (...shape: number[]) => Tensor.zeros('float32', shape)
  test.each([
    ['matmul: [2, 3] x [4, 5]: inner dimensions 3 and 4 differ', () => ops.matmul(zeros(2, 3), zeros(4, 5))],
    ['matmul: [2] and [3]: sizes 2 and 3 do not broadcast', () => ops.matmul(zeros(2, 1, 1), zeros(3, 1, 1))],
    ['linear: input [2, 3] does not fit weight [5, 4] ([out, in])', () => ops.linear(zeros(2, 3), zeros(5, 4))],
    ['linear: bias [4] does not fit weight [5, 3] ([out, in])', () => ops.linear(zeros(2, 3), zeros(5, 3), zeros(4))],
    ['add: [2, 3] and [2, 4]: sizes 3 and 4 do not broadcast', () => ops.add(zeros(2, 3), zeros(2, 4))],
    ['layerNorm: input [2, 3] does not fit weight [4]', () => ops.layerNorm(zeros(2, 3), zeros(4), zeros(4), 1e-5)],
    ['rmsNorm: input [2, 3] does not fit weight [4]', () => ops.rmsNorm(zeros(2, 3), zeros(4), 1e-5)],
    ['softmax: axis 2 is outside [2, 3], which has 2 axes', () => ops.softmax(zeros(2, 3), 2)],
    ['gather: the table is [4], expected [rows, dimension]', () => ops.gather(zeros(4), Tensor.int32([0]))],
    ['gather: id 7 is outside the table of 4 rows', () => ops.gather(zeros(4, 2), Tensor.int32([7]))],
  ])('%s', (message, run) => {
    expect(run).toThrow(message)
  })
})

test('a row of a product does not depend on how many rows there are', () => {
  const values = Float32Array.from({ length: 7 * 33 }, (_, i) => Math.sin(i))
  const weight = Tensor.float32(
    Float32Array.from({ length: 5 * 33 }, (_, i) => Math.cos(i)),
    [5, 33],
  )
  const all = ops.linear(Tensor.float32(values, [7, 33]), weight)
  for (let row = 0; row < 7; row++) {
    const alone = ops.linear(Tensor.float32(values.slice(row * 33, (row + 1) * 33), [1, 33]), weight)
    expect(alone.toArray()).toEqual(all.slice(0, row, row + 1).toArray())
  }
})
