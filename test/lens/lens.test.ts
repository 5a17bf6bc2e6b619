/**
 * The lenses against the model itself: the last depth gives its logits, and the parts of a logit sum to it. What a part contributes is
 * checked against weights that are read from the file, by hand.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AbortedError, InputError, ShapeError } from '../../src/errors.js'
import { attentionRollout, directLogitAttribution, logitLens, type Contribution } from '../../src/lens/index.js'
import {
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  BertModel,
  type CausalLM,
  type CausalLMInputs,
  type GPT2LMHeadModel,
  type LanguageModel,
  type Seq2SeqInputs,
  type Seq2SeqLM,
} from '../../src/models/index.js'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { ablateHead, record, replaceWith } from '../../src/trace/index.js'
import { BACKENDS } from '../support/backends.js'
import { expectClose, goldenPath, goldenTensors, TOLERANCE } from '../support/goldens.js'

const DECODERS = ['gpt2/base', 'gpt2/scaled-untied', 'llama/tied', 'llama/scaled-biased', 'qwen2/base', 'qwen3/base']
const T5S = ['t5/v1_0-relu-tied', 't5/v1_1-gated-untied', 't5/gated-tied']
const TEXT: CausalLMInputs = { inputIds: [[5, 6, 7, 8], [9, 10, 11, 12]] } // prettier-ignore
const SOURCE: Seq2SeqInputs = { ...TEXT, decoderInputIds: [[0, 9, 10], [0, 4, 3]] } // prettier-ignore

const sum = (parts: readonly Contribution[]) => parts.reduce((total, { value }) => total + value, 0)

describe.each(BACKENDS)('lenses on $name', ({ create }) => {
  const causal = async (folder: string): Promise<CausalLM> =>
    (await AutoModelForCausalLM.fromPretrained(goldenPath(folder), { backend: await create() })) as CausalLM
  const seq2seq = async (folder: string): Promise<Seq2SeqLM> =>
    (await AutoModelForSeq2SeqLM.fromPretrained(goldenPath(folder), { backend: await create() })) as Seq2SeqLM

  async function expectLens<Inputs>(model: LanguageModel<Inputs>, inputs: Inputs) {
    const { logits } = await model.forward(inputs)
    const depths = model.streamPoints().map(({ name }) => name)
    const seen: string[] = []
    let last: number[] = []
    for await (const { point, logits: read } of logitLens(model, inputs)) {
      expect(read.shape).toEqual(logits.shape)
      seen.push(point)
      last = read.toArray()
    }
    expect(seen).toEqual(depths)
    expect(last).toEqual(logits.toArray())
  }

  async function expectSum<Inputs>(model: LanguageModel<Inputs>, inputs: Inputs) {
    const { logits } = await model.forward(inputs)
    for (const [row, position, token, against] of [
      [0, -1, 17],
      [1, 1, 3],
      [1, 0, 20, 7],
    ]) {
      // prettier-ignore
      const options = { token, against, row, position }
      const { logit, contributions } = await directLogitAttribution(model, inputs, options)
      const at = (id: number) => logits.select(0, row).select(0, position).toArray()[id]
      expect(logit).toBeCloseTo(against === undefined ? at(token) : at(token) - at(against), 3)
      const size = Math.max(...contributions.map(({ value }) => Math.abs(value)), 1)
      expect(Math.abs(sum(contributions) - logit)).toBeLessThan(1e-4 * size)
    }
  }

  test.each(DECODERS)('%s: the lens ends at the logits, and a logit is the sum of its parts', async (folder) => {
    const model = await causal(folder)
    await expectLens(model, TEXT)
    await expectSum(model, TEXT)
  })

  test.each(T5S)('%s: the same for the decoder of an encoder-decoder', async (folder) => {
    const model = await seq2seq(folder)
    await expectLens(model, SOURCE)
    await expectSum(model, SOURCE)
  })

  test('BART: the lens ends at the logits; its logit is no sum, and it says why', async () => {
    const model = await seq2seq('bart/base')
    await expectLens(model, SOURCE)
    const error = directLogitAttribution(model, SOURCE, { token: 3 })
    await expect(error).rejects.toBeInstanceOf(InputError)
    await expect(error).rejects.toThrow('no sum over blocks')
  })

  test('the depths are those of transformers, seen through the head', async () => {
    const folder = 't5/v1_1-gated-untied'
    const golden = await goldenTensors(folder, 'expected.safetensors')
    const model = await seq2seq(folder)
    const inputs = {
      inputIds: golden.ids('input_ids'),
      attentionMask: golden.ids('attention_mask'),
      decoderInputIds: golden.ids('decoder_input_ids'),
    }
    const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors'))))
    const vector = async (name: string) => (await file.tensor(name)).to('float32').toArray()
    const head = await vector('lm_head.weight')
    const gain = await vector('decoder.final_layer_norm.weight')
    let depth = 0
    for await (const { logits } of logitLens(model, inputs, { position: 1 })) {
      if (depth === 3) break // after the last layer transformers shows only the normed states
      const state = golden.float(`decoder_hidden_states.${depth++}`).select(0, 0).select(0, 1).toArray()
      const size = Math.sqrt(state.reduce((total, x) => total + x * x, 0) / state.length + 1e-6)
      const normed = state.map((x, i) => (x / size) * gain[i])
      const wanted = Array.from({ length: logits.shape[2] }, (_, token) =>
        normed.reduce((total, x, i) => total + x * head[token * state.length + i], 0),
      )
      expectClose(
        logits.slice(0, 0, 1).copy(),
        Tensor.float32(wanted, [1, 1, wanted.length]),
        TOLERANCE.states,
        `${depth}`,
      )
    }
    expect(depth).toBe(3)
  })

  test('the last block contributes what taking it out takes from the logit at the same scale, and every part is named', async () => {
    const model = (await causal('gpt2/base')) as GPT2LMHeadModel
    const token = 33
    const { contributions } = await directLogitAttribution(model, TEXT, { token })
    const feedForward = contributions.find(({ point }) => point === 'decoder.1.feed_forward.out')!
    // Nothing but the norm reads it, so the stream before it is the stream without it.
    const { trace } = await record(
      (hooks) => model.forward(TEXT, { hooks }),
      ['decoder.1.resid_post', 'decoder.1.resid_mid'],
    )
    const [without, whole] = [...trace.values()].map(([tensor]) => tensor.slice(0, 0, 1).slice(1, -1))
    const read = async (stream: typeof whole) => (await model.unembed(stream, { frozenAt: whole })).toArray()[token]
    expect(feedForward.value).toBeCloseTo((await read(whole)) - (await read(without)), 4)
    const heads = contributions.filter(({ kind }) => kind === 'head')
    expect(heads.map(({ point, head }) => [point, head])).toEqual(
      [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => [`decoder.${layer}.self_attention.head_out`, head])),
    )
    expect(contributions.filter(({ kind }) => kind === 'embedding').map(({ point }) => point)).toEqual([
      'embeddings.word',
      'embeddings.position',
    ])
    expect(contributions.filter(({ kind }) => kind === 'bias')).toHaveLength(3)
  })

  test('the word embedding and a bias contribute what their rows in the file give, centred and scaled', async () => {
    const folder = 'gpt2/base'
    const model = (await causal(folder)) as GPT2LMHeadModel
    const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors'))))
    const read = async (name: string) => (await file.tensor(`transformer.${name}`)).to('float32').toArray()
    const [table, gain, bias] = await Promise.all(['wte.weight', 'ln_f.weight', 'h.0.attn.c_proj.bias'].map(read))
    const row = (id: number) => table.slice(id * 32, (id + 1) * 32)
    const { trace } = await record((hooks) => model.forward(TEXT, { hooks }), ['decoder.1.resid_post'])
    const stream = trace.get('decoder.1.resid_post')![0].select(0, 1).select(0, 2).toArray()
    const centred = (x: readonly number[]) =>
      x.map((value) => value - x.reduce((total, one) => total + one, 0) / x.length)
    const deviation = Math.sqrt(centred(stream).reduce((total, x) => total + x * x, 0) / 32 + 1e-5)
    const wanted = (vector: readonly number[], token: number) =>
      centred(vector).reduce((total, x, i) => total + (x / deviation) * gain[i] * row(token)[i], 0)
    const { contributions } = await directLogitAttribution(model, TEXT, { token: 9, row: 1, position: 2 })
    const value = (point: string) => contributions.find((part) => part.point === point)!.value
    expect(value('embeddings.word')).toBeCloseTo(wanted(row(11), 9), 4) // the token at row 1, position 2 is 11
    expect(value('decoder.0.self_attention.out')).toBeCloseTo(wanted(bias, 9), 4)
  })

  test('with a patch, the lens looks into the patched pass', async () => {
    const model = await seq2seq('t5/gated-tied')
    const hooks = ablateHead('decoder.1.cross_attention', 2)
    const wanted = (await model.forward(SOURCE, { hooks })).logits.toArray()
    let last: number[] = []
    for await (const { logits } of logitLens(model, SOURCE, { hooks })) last = logits.toArray()
    expect(last).toEqual(wanted)
  })

  test('zeros for one head at head_out are the head taken out', async () => {
    const model = await causal('llama/scaled-biased')
    const attention = 'decoder.0.self_attention'
    const { logits } = await model.forward(TEXT, { hooks: ablateHead(attention, 1) })
    const zero = replaceWith(`${attention}.head_out`, Tensor.float32([0]), { heads: [1] })
    expectClose((await model.forward(TEXT, { hooks: zero })).logits, logits, TOLERANCE.states, 'logits')
  })

  test('rows that share a source are refused, since the attention computes them as one', async () => {
    const model = await seq2seq('t5/gated-tied')
    const inputs = { inputIds: [[5, 6, 7]], decoderInputIds: [[0, 9], [0, 4]] } // prettier-ignore
    await expect(directLogitAttribution(model, inputs, { token: 3 })).rejects.toThrow('2 rows share 1 sources')
  })

  test('refuses what is not there, and heeds the signal', async () => {
    const model = await causal('gpt2/base')
    const attribute = (options: object) => directLogitAttribution(model, TEXT, { token: 1, ...options })
    await expect(attribute({ token: 120 })).rejects.toThrow('there is no token 120 of 120')
    await expect(attribute({ against: -1.5 })).rejects.toThrow('there is no token -1.5 of 120')
    await expect(attribute({ token: -1 })).rejects.toThrow('there is no token -1 of 120')
    await expect(attribute({ row: 2 })).rejects.toThrow('there is no row 2 of 2')
    await expect(attribute({ position: 4 })).rejects.toThrow('there is no position 4 of 4')
    await expect(attribute({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortedError)
    await expect(logitLens(model, TEXT, { position: -5 }).next()).rejects.toBeInstanceOf(InputError)
    await expect(logitLens(model, TEXT, { signal: AbortSignal.abort() }).next()).rejects.toBeInstanceOf(AbortedError)
    await expect(model.unembed(Tensor.zeros('float32', [1, 1, 31]))).rejects.toBeInstanceOf(ShapeError)
  })
})

describe('attentionRollout', () => {
  test('of two layers with two heads, by hand', () => {
    const first = Tensor.float32([1, 0, 0.2, 0.8, 1, 0, 0.6, 0.4], [1, 2, 2, 2])
    const second = Tensor.float32([1, 0, 0.5, 0.5, 1, 0, 0.9, 0.1], [1, 2, 2, 2])
    // Heads' means: [1 0; 0.4 0.6] and [1 0; 0.7 0.3]; half of each and half the identity: [1 0; 0.2 0.8] and [1 0; 0.35 0.65].
    const wanted = Tensor.float32([1, 0, 0.35 + 0.65 * 0.2, 0.65 * 0.8], [1, 2, 2])
    expectClose(attentionRollout([first, second]), wanted, TOLERANCE.ops, 'rollout')
    // Largest of the heads: [1 0; 0.6 0.8], its rows made to sum to 1.
    const max = Tensor.float32([1, 0, 3 / 7, 4 / 7], [1, 2, 2])
    expectClose(attentionRollout([first], { heads: 'max', residual: 0 }), max, TOLERANCE.ops, 'max')
  })

  test("of an encoder's attentions: rows sum to 1, and padding gives nothing to tokens", async () => {
    const bert = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: await BACKENDS[0].create() })
    const inputs = { inputIds: [[5, 6, 7, 0]], attentionMask: [[1, 1, 1, 0]] }
    const { attentions } = await bert.forward(inputs, { outputAttentions: true })
    const rollout = attentionRollout(attentions!)
    expect(rollout.shape).toEqual([1, 4, 4])
    for (let query = 0; query < 3; query++) {
      const row = rollout.select(0, 0).select(0, query).toArray()
      expect(row.reduce((total, share) => total + share, 0)).toBeCloseTo(1, 6)
      expect(row[3]).toBe(0)
    }
  })

  test('refuses what it cannot roll out', () => {
    const probs = Tensor.float32([1, 0, 0.2, 0.8], [1, 1, 2, 2])
    expect(() => attentionRollout([])).toThrow(InputError)
    expect(() => attentionRollout([probs], { residual: 1 })).toThrow(InputError)
    expect(() => attentionRollout([probs.reshape([1, 1, 1, 4])])).toThrow(ShapeError)
    expect(() => attentionRollout([probs, Tensor.float32([1], [1, 1, 1, 1])])).toThrow(
      'layers of [1, 2, 2] and of [1, 1, 1]',
    )
  })
})
