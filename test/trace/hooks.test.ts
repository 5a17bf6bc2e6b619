import { beforeAll, describe, expect, test } from 'vitest'
import { InputError, ShapeError } from '../../src/errors.js'
import { BertModel } from '../../src/models/bert.js'
import type { Seq2SeqInputs } from '../../src/models/seq2seq-lm.js'
import { T5EncoderModel, T5ForConditionalGeneration } from '../../src/models/t5.js'
import { add, matmul, multiply, softmax, type Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { record, type HookPoint, type Hooks, type Trace } from '../../src/trace/index.js'
import { ALL_BACKENDS } from '../support/backends.js'
import { expectClose, goldenPath, goldenTensors, TOLERANCE, type GoldenTensors } from '../support/goldens.js'

const CONDITIONAL = ['t5/v1_0-relu-tied', 't5/v1_1-gated-untied', 't5/gated-tied']

/** The one tensor that passed a point in a forward pass. */
function only(trace: Trace, name: string): Float {
  const tensors = trace.get(name)
  expect(tensors, name).toHaveLength(1)
  return tensors![0].copy()
}

/** Every declared point has fired once, and each named size is that of the input. */
function expectDeclaredShapes(
  points: readonly HookPoint[],
  trace: Trace,
  sizeOf: (dimension: 'batch' | 'query' | 'key', point: string) => number,
): void {
  expect([...trace.keys()].sort()).toEqual(points.map(({ name }) => name).sort())
  for (const { name, shape } of points) {
    const wanted = shape.map((size) => (typeof size === 'number' ? size : sizeOf(size, name)))
    expect(only(trace, name).shape, name).toEqual(wanted)
  }
}

/** softmax(scores) = probs and probs v = context in every attention of a trace. */
function expectAttentionArithmetic(trace: Trace): void {
  const attentions = [...trace.keys()].flatMap((name) => /^(.*_attention)\.probs$/.exec(name)?.[1] ?? [])
  expect(attentions.length).toBeGreaterThan(0)
  for (const name of attentions) {
    const at = (point: string) => only(trace, `${name}.${point}`)
    expectClose(at('probs'), softmax(at('scores')), TOLERANCE.probabilities, `${name}: softmax(scores)`)
    expectClose(at('context'), matmul(at('probs'), at('v')), TOLERANCE.states, `${name}: probs v`)
  }
}

describe.each(ALL_BACKENDS)('hooks on $name', ({ create }) => {
  describe.each(CONDITIONAL)('every hook point of %s', (folder) => {
    let model: T5ForConditionalGeneration
    let golden: GoldenTensors
    let inputs: Seq2SeqInputs
    let trace: Trace
    beforeAll(async () => {
      model = await T5ForConditionalGeneration.fromPretrained(goldenPath(folder), { backend: await create() })
      golden = await goldenTensors(folder, 'expected.safetensors')
      inputs = {
        inputIds: golden.ids('input_ids'),
        attentionMask: golden.ids('attention_mask'),
        decoderInputIds: golden.ids('decoder_input_ids'),
        decoderAttentionMask: golden.has('decoder_attention_mask') ? golden.ids('decoder_attention_mask') : undefined,
      }
      trace = (await record((hooks) => model.forward(inputs, { hooks }), ['*'])).trace
    })

    test('fires once in a forward pass, with the shape that it declares', () => {
      const [batch, source] = golden.ids('input_ids').shape
      const target = golden.ids('decoder_input_ids').shape[1]
      expectDeclaredShapes(model.hookPoints(), trace, (dimension, name) => {
        if (dimension === 'batch') return batch
        if (name.startsWith('encoder')) return source
        return dimension === 'key' && name.includes('cross_attention') ? source : target
      })
    })

    test('attention probabilities, states and logits are those of transformers', () => {
      const recorded = [...trace.keys()].flatMap((name): [string, string][] => {
        const [, stack, layer, point] = /^(encoder|decoder)\.(\d+)\.(.+)$/.exec(name) ?? []
        if (point === 'self_attention.probs') return [[name, `${stack}_attentions.${layer}`]]
        if (point === 'cross_attention.probs') return [[name, `cross_attentions.${layer}`]]
        return point === 'resid_pre' ? [[name, `${stack}_hidden_states.${layer}`]] : []
      })
      const { numLayers, numDecoderLayers } = model.config
      expect(recorded).toHaveLength(2 * numLayers + 3 * numDecoderLayers)
      for (const [name, wanted] of [
        ...recorded,
        ['encoder.final_norm', 'encoder_last_hidden_state'],
        ['decoder.final_norm', `decoder_hidden_states.${numDecoderLayers}`],
        ['logits', 'logits'],
      ]) {
        const tolerance = name.endsWith('probs') ? TOLERANCE.probabilities : TOLERANCE.states
        expectClose(only(trace, name), golden.float(wanted), tolerance, name)
      }
    })

    test('the tensors between follow from each other', () => {
      expectAttentionArithmetic(trace)
      const sum = (name: string, ...parts: string[]) => {
        const [first, second] = parts.map((part) => only(trace, part))
        expectClose(only(trace, name), add(first, second), TOLERANCE.states, `${name} = ${parts.join(' + ')}`)
      }
      const { numLayers, numDecoderLayers, isGatedAct } = model.config
      for (const [stack, layers] of [['encoder', numLayers] as const, ['decoder', numDecoderLayers] as const]) {
        for (let layer = 0; layer < layers; layer++) {
          const at = `${stack}.${layer}`
          const middle = stack === 'decoder' ? `${at}.resid_cross` : `${at}.resid_mid`
          sum(`${at}.resid_mid`, `${at}.resid_pre`, `${at}.self_attention.out`)
          if (stack === 'decoder') sum(middle, `${at}.resid_mid`, `${at}.cross_attention.out`)
          sum(`${at}.resid_post`, middle, `${at}.feed_forward.out`)
          if (layer > 0) expect(only(trace, `${at}.resid_pre`)).toEqual(only(trace, `${stack}.${layer - 1}.resid_post`))

          // scores = q k^T + bias, where nothing is masked: the first key is a token, and the last query sees it
          const [q, k] = ['q', 'k'].map((point) => only(trace, `${at}.self_attention.${point}`))
          const corner = (x: Float) => x.slice(2, -1).slice(3, 0, 1)
          const open = add(corner(matmul(q, k.transpose(0, 1, 3, 2))), corner(only(trace, `${stack}.position_bias`)))
          const scores = corner(only(trace, `${at}.self_attention.scores`))
          expectClose(scores.contiguous(), open, TOLERANCE.states, `${at}: q k^T + position bias`)

          const pre = only(trace, `${at}.feed_forward.pre`)
          const activated = only(trace, `${at}.feed_forward.hidden`)
          if (isGatedAct) {
            const gated = multiply(each(pre, geluTanh), only(trace, `${at}.feed_forward.up`))
            expectClose(activated, gated, TOLERANCE.states, `${at}: gelu(pre) up`)
          } else {
            expectClose(
              activated,
              each(pre, (x) => Math.max(0, x)),
              TOLERANCE.states,
              `${at}: relu(pre)`,
            )
          }
        }
      }
    })

    test('an equal tensor in its place changes nothing, zeros change the logits', async () => {
      const plain = (await model.forward(inputs)).logits
      for (const { name } of model.hookPoints()) {
        const logits = async (hook: Hooks[string]) => (await model.forward(inputs, { hooks: { [name]: hook } })).logits
        const copied = await logits((tensor) => tensor.copy())
        expect(copied.toArray(), name).toEqual((await logits(() => undefined)).toArray())
        expectClose(copied, plain, TOLERANCE.states, name)
        const zeroed = await logits((tensor) => Tensor.zeros('float32', tensor.shape))
        expect(zeroed.toArray(), name).not.toEqual(copied.toArray())
      }
    })

    test('reading changes nothing', async () => {
      const watched = await model.forward(inputs, { hooks: { '*': () => {} } })
      expectClose(watched.logits, (await model.forward(inputs)).logits, TOLERANCE.states, 'logits')
    })
  })

  describe('a hook', () => {
    let model: T5ForConditionalGeneration
    const inputs = { inputIds: [[5, 6, 7, 8]], decoderInputIds: [[0, 9, 10]] }
    const run = (hooks: Hooks) => model.forward(inputs, { hooks })
    beforeAll(async () => {
      model = await T5ForConditionalGeneration.fromPretrained(goldenPath('t5/gated-tied'), { backend: await create() })
    })

    test('at an unknown point is refused, with points that are near', async () => {
      await expect(run({ 'decoder.99.cross_attention.probs': () => {} })).rejects.toThrow(
        'no hook point matches "decoder.99.cross_attention.probs"; near: encoder.0.self_attention.probs',
      )
      await expect(run({ 'nothing like it': () => {} })).rejects.toBeInstanceOf(InputError)
    })

    test('is named by a pattern in which only * is special', async () => {
      const { trace } = await record(run, ['decoder.*.cross_attention.probs', '*coder.final_norm'])
      const layers = Array.from(
        { length: model.config.numDecoderLayers },
        (_, i) => `decoder.${i}.cross_attention.probs`,
      )
      expect([...trace.keys()].sort()).toEqual([...layers, 'decoder.final_norm', 'encoder.final_norm'])
      await expect(run({ 'decoder.[0-9].resid_pre': () => {} })).rejects.toBeInstanceOf(InputError)
      await expect(run({ decoder_0_resid_pre: () => {} })).rejects.toBeInstanceOf(InputError)
    })

    test('that returns another shape is refused, with both shapes', async () => {
      const error = run({ 'decoder.0.cross_attention.q': () => Tensor.zeros('float32', [2, 2]) })
      await expect(error).rejects.toBeInstanceOf(ShapeError)
      const { numHeads, dKv } = model.config
      await expect(error).rejects.toThrow(
        `decoder.0.cross_attention.q: the hook returned [2, 2] for [1, ${numHeads}, 3, ${dKv}]`,
      )
    })

    test('that fails stops the pass with its own error', async () => {
      const own = new Error('my own')
      await expect(
        run({
          'encoder.0.resid_pre': () => {
            throw own
          },
        }),
      ).rejects.toBe(own)
    })

    test('holds the pass until it has done waiting', async () => {
      const order: string[] = []
      let release!: () => void
      const click = new Promise<void>((resolve) => (release = resolve))
      const pass = run({
        'encoder.0.resid_pre': async () => {
          order.push('waiting')
          await click
        },
        'encoder.0.resid_mid': () => {
          order.push('after')
        },
      }).then(() => order.push('done'))
      while (order.length === 0) await new Promise(setImmediate)
      await new Promise(setImmediate)
      expect(order).toEqual(['waiting'])
      release()
      await pass
      expect(order).toEqual(['waiting', 'after', 'done'])
    })

    test('sees what one before it at the same point put there, and so do outputs that were asked for', async () => {
      const half = (tensor: Float) => each(tensor, (x) => x / 2)
      const seen: number[] = []
      const { crossAttentions } = await model.forward(inputs, {
        outputAttentions: true,
        hooks: {
          'decoder.0.cross_attention.probs': half,
          'decoder.0.*.probs': (tensor, { name }) => {
            if (name.includes('cross')) seen.push(...tensor.toArray())
          },
        },
      })
      const rowSums = crossAttentions![0].toArray().reduce((sum, p) => sum + p, 0)
      expect(rowSums).toBeCloseTo((model.config.numHeads * 3) / 2, 5)
      expect(seen).toEqual(crossAttentions![0].toArray())
    })

    test('belongs to its run alone, also while another goes on', async () => {
      const [first, second] = await Promise.all([
        record(run, ['logits']),
        record((hooks) => model.forward({ ...inputs, inputIds: [[3, 4]] }, { hooks }), ['logits', '*.final_norm']),
      ])
      expect([...first.trace.keys()]).toEqual(['logits'])
      expect(only(first.trace, 'logits')).toEqual(first.output.logits)
      expect(only(second.trace, 'logits')).toEqual(second.output.logits)
    })

    test('records a point once, whichever of its patterns name it', async () => {
      const { trace } = await record(run, ['*', 'decoder.*', 'decoder.0.resid_pre'])
      for (const { name } of model.hookPoints()) only(trace, name)
    })

    test('records a copy: what later changes the tensor does not change the trace', async () => {
      const { trace } = await record(
        (hooks) => run({ ...hooks, logits: (tensor) => void tensor.data.fill(7) }),
        ['logi*'],
      )
      expect(new Set(only(trace, 'logits').toArray())).not.toEqual(new Set([7]))
    })

    test('sees every step of a generation, in which the keys of the decoder grow', async () => {
      const generation = {
        inputIds: [
          [5, 6, 7, 8],
          [9, 10, 11, 12],
        ],
      }
      const { output, trace } = await record(
        (hooks) => model.generate(generation, { hooks, maxNewTokens: 5, minNewTokens: 5 }),
        ['*'],
      )
      const shapes = (name: string) => trace.get(name)!.map(({ shape }) => shape)
      const { numHeads, dKv } = model.config
      const steps = [1, 2, 3, 4, 5]
      expect(output.sequences[0]).toHaveLength(1 + steps.length)
      expect(shapes('decoder.0.self_attention.k')).toEqual(steps.map((step) => [2, numHeads, step, dKv]))
      expect(shapes('decoder.1.self_attention.probs')).toEqual(steps.map((step) => [2, numHeads, 1, step]))
      expect(shapes('decoder.0.cross_attention.k')).toEqual(steps.map(() => [2, numHeads, 4, dKv]))
      expect(shapes('decoder.position_bias')).toEqual(steps.map((step) => [1, numHeads, 1, step]))
      for (const { name } of model.hookPoints()) {
        expect(trace.get(name), name).toHaveLength(name.startsWith('encoder') ? 1 : steps.length)
      }
    })

    test('at the logits steers what is written', async () => {
      const forced = (tensor: Float) => {
        const wanted = Tensor.zeros('float32', tensor.shape)
        wanted.data[17] = 50
        return wanted
      }
      const { sequences } = await model.generate({ inputIds: [[5, 6]] }, { hooks: { logits: forced }, maxNewTokens: 3 })
      expect(sequences).toEqual([[model.generationConfig.decoderStartTokenId, 17, 17, 17]])
    })

    test('during generation gives the numbers of one pass over what was written', async () => {
      const generation = { inputIds: [[5, 6, 7, 8]] }
      const name = 'decoder.0.cross_attention.probs'
      const { output, trace } = await record(
        (hooks) => model.generate(generation, { hooks, maxNewTokens: 4, minNewTokens: 4 }),
        [name],
      )
      const whole = await record(
        (hooks) => model.forward({ ...generation, decoderInputIds: [output.sequences[0].slice(0, -1)] }, { hooks }),
        [name],
      )
      trace.get(name)!.forEach((step, t) => {
        const wanted = only(whole.trace, name)
          .slice(2, t, t + 1)
          .copy()
        expectClose(step, wanted, TOLERANCE.probabilities, `step ${t}`)
      })
    })
  })

  test('every hook point of T5EncoderModel fires with its shape, and its probabilities are those of transformers', async () => {
    const golden = await goldenTensors('t5/encoder', 'expected.safetensors')
    const model = await T5EncoderModel.fromPretrained(goldenPath('t5/encoder'), { backend: await create() })
    const inputs = { inputIds: golden.ids('input_ids'), attentionMask: golden.ids('attention_mask') }
    const { trace } = await record((hooks) => model.forward(inputs, { hooks }), ['*'])
    const [batch, seq] = inputs.inputIds.shape
    expectDeclaredShapes(model.hookPoints(), trace, (dimension) => (dimension === 'batch' ? batch : seq))
    expectAttentionArithmetic(trace)
    for (const name of [...trace.keys()].filter((name) => name.endsWith('.probs'))) {
      const wanted = golden.float(`attentions.${name.split('.')[1]}`)
      expectClose(only(trace, name), wanted, TOLERANCE.probabilities, name)
    }
    expectClose(
      only(trace, 'encoder.final_norm'),
      golden.float('last_hidden_state'),
      TOLERANCE.states,
      'encoder.final_norm',
    )
  })

  test('every hook point of BERT fires with its shape, and its numbers are those of transformers', async () => {
    const golden = await goldenTensors('bert/base', 'expected.safetensors')
    const model = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: await create() })
    const inputs = {
      inputIds: golden.ids('input_ids'),
      attentionMask: golden.ids('attention_mask'),
      tokenTypeIds: golden.ids('token_type_ids'),
    }
    const { trace } = await record((hooks) => model.forward(inputs, { hooks }), ['*'])
    const [batch, seq] = inputs.inputIds.shape
    expectDeclaredShapes(model.hookPoints(), trace, (dimension) => (dimension === 'batch' ? batch : seq))
    expectAttentionArithmetic(trace)
    const states = [
      'embeddings.out',
      ...Array.from({ length: model.config.numHiddenLayers }, (_, i) => `encoder.${i}.out`),
    ]
    states.forEach((name, i) =>
      expectClose(only(trace, name), golden.float(`hidden_states.${i}`), TOLERANCE.states, name),
    )
    for (let i = 0; i < model.config.numHiddenLayers; i++) {
      const name = `encoder.${i}.self_attention.probs`
      expectClose(only(trace, name), golden.float(`attentions.${i}`), TOLERANCE.probabilities, name)
    }
    expectClose(only(trace, 'pooler'), golden.float('pooler_output'), TOLERANCE.states, 'pooler')

    const zeroed = await model.forward(inputs, {
      hooks: { 'encoder.0.self_attention.probs': (tensor) => Tensor.zeros('float32', tensor.shape) },
    })
    expect(zeroed.lastHiddenState.toArray()).not.toEqual(only(trace, states.at(-1)!).toArray())
  })
})

function each(tensor: Float, change: (x: number) => number): Float {
  return Tensor.float32(tensor.toArray().map(change), tensor.shape)
}

/** The tanh form of GELU, https://arxiv.org/abs/1606.08415. */
function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
}
