/**
 * The class around an encoder and a decoder, the same for T5 and BART: it reads a source, and predicts a target that the
 * decoder writes while it looks back at the source. A family gives the two stacks and the head.
 */
import { DecoderCache, paddingMask } from '../attention/index.js'
import { InputError } from '../errors.js'
import type { GenerationConfig } from '../generation/index.js'
import type { LayerNorm, Pass, RMSNorm, Weights } from '../layers/index.js'
import { crossEntropy, type Float, type Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { Seq2SeqModel, type DecodeStepOptions, type Encoded, type TextInputs } from './generative.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import type { LanguageModel, UnembedOptions } from './language-model.js'
import type { Run, RunOptions } from './model.js'

/** What an encoder made of a text. */
export interface SourceOutput {
  /** [batch, seq, dModel] */
  readonly lastHiddenState: Float
  /** The states before each layer and after the last; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

/** An encoder's output with its mask: what a decoder reads. */
export interface Seq2SeqEncoded extends SourceOutput, Encoded {}

export interface Seq2SeqInputs extends TextInputs {
  /** [batch, target]; by default the labels shifted right. */
  readonly decoderInputIds?: IdsLike
  readonly decoderAttentionMask?: IdsLike
  /** Target ids, -100 where none counts; gives `loss`. [batch, target] */
  readonly labels?: IdsLike
}

export interface Seq2SeqOutput {
  /** [batch, target, vocabulary] */
  readonly logits: Float
  /** Mean cross entropy in nats; with labels. */
  readonly loss: number | undefined
  readonly encoderLastHiddenState: Float
  readonly encoderHiddenStates: readonly Float[] | undefined
  readonly encoderAttentions: readonly Float[] | undefined
  readonly decoderHiddenStates: readonly Float[] | undefined
  readonly decoderAttentions: readonly Float[] | undefined
  /** Where each written token looks in the text that was read, [batch, heads, target, source]. */
  readonly crossAttentions: readonly Float[] | undefined
}

export interface Seq2SeqStackInputs {
  /** [batch, query] */
  readonly ids: Ids
  /** Padding of this sequence, [batch, 1, 1, key] */
  readonly mask?: Float
  /** What a decoder looks at, [sources, source, dModel] */
  readonly encoderStates?: Float
  /** [sources, 1, 1, source] */
  readonly encoderMask?: Float
  readonly cache?: DecoderCache
}

/** An encoder or a decoder, its embeddings included. */
export interface Seq2SeqStack {
  readonly numLayers: number
  /** What norms the stream after the last layer; undefined where the layers are post-norm. */
  readonly finalNorm: LayerNorm | RMSNorm | undefined
  hookPoints(): readonly HookPoint[]
  /** The stream that the layers write into: before each, and after the last. */
  streamPoints(): readonly HookPoint[]
  /** Where the states between the layers pass: before the first, and after each. */
  statePoints(): readonly HookPoint[]
  /** Where the attention probabilities of each layer pass. */
  probPoints(kind: 'self_attention' | 'cross_attention'): readonly HookPoint[]
  /** -> [batch, query, dModel] */
  forward(inputs: Seq2SeqStackInputs, pass: Pass): Promise<Float>
}

/** From the decoder's states to logits: [batch, target, dModel] -> [batch, target, vocabulary]. */
export type LanguageModelHead = (hiddenStates: Float, pass: Pass) => Promise<Float>

export interface Seq2SeqParts {
  readonly encoder: Seq2SeqStack
  readonly decoder: Seq2SeqStack
  readonly head: LanguageModelHead
  readonly vocabSize: number
  readonly maxLength: number
  readonly generationConfig: GenerationConfig
}

/** Runs an encoder over a text. */
export async function readSource(
  encoder: Seq2SeqStack,
  inputs: TextInputs,
  options: RunOptions,
  run: Run,
): Promise<Seq2SeqEncoded> {
  const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
  const mask = paddingMask(toMask('attentionMask', inputs.attentionMask, inputIds)) // [batch, 1, 1, seq]
  const states = options.outputHiddenStates ? encoder.statePoints() : undefined
  const probs = options.outputAttentions ? encoder.probPoints('self_attention') : undefined
  const { result, take } = await run(options, [states, probs], async (pass, keep) =>
    keep(await encoder.forward({ ids: inputIds, mask }, pass)),
  )
  return { lastHiddenState: result, mask, inputIds, hiddenStates: take(states), attentions: take(probs) }
}

export abstract class Seq2SeqLM extends Seq2SeqModel<Seq2SeqEncoded> implements LanguageModel<Seq2SeqInputs> {
  override readonly generationConfig: GenerationConfig
  /**
   * Most tokens of a source, special ones included: the positions that the model has. For a T5, which has none and reads what it is given, `n_positions` of
   * config.json, or 1,024; readers keep to it.
   */
  readonly maxLength: number
  readonly #encoder: Seq2SeqStack
  readonly #decoder: Seq2SeqStack
  readonly #head: LanguageModelHead
  readonly #logits: HookPoint

  constructor(weights: Weights, { encoder, decoder, head, vocabSize, maxLength, generationConfig }: Seq2SeqParts) {
    super(weights)
    this.generationConfig = generationConfig
    this.maxLength = maxLength
    this.#encoder = encoder
    this.#decoder = decoder
    this.#head = head
    this.#logits = hookPoint('logits', ['batch', 'query', vocabSize])
  }

  hookPoints(): readonly HookPoint[] {
    return [...this.#encoder.hookPoints(), ...this.#decoder.hookPoints(), this.#logits]
  }

  override encode(inputs: TextInputs, options: RunOptions = {}): Promise<Seq2SeqEncoded> {
    return readSource(this.#encoder, inputs, options, (...pass) => this.run(...pass))
  }

  override startCache(capacity?: number): DecoderCache {
    return new DecoderCache(this.backend, { numLayers: this.#decoder.numLayers, capacity })
  }

  override async decode(encoded: Encoded, decoderInputIds: IdsLike, options: DecodeStepOptions = {}): Promise<Float> {
    const ids = toIds('decoderInputIds', decoderInputIds)
    const { cache } = options
    const { result } = await this.run(options, [], async (pass, keep) =>
      keep(await this.#decode(encoded, { ids, cache }, pass)),
    )
    return result
  }

  /** One pass over source and target, as in training or scoring. */
  async forward(inputs: Seq2SeqInputs, options: RunOptions = {}): Promise<Seq2SeqOutput> {
    const labels = inputs.labels && toIds('labels', inputs.labels) // [batch, target]
    const given = inputs.decoderInputIds && toIds('decoderInputIds', inputs.decoderInputIds)
    const ids = given ?? (labels && this.#shiftRight(labels))
    if (!ids) throw new InputError('missing-input', 'forward: an encoder-decoder needs decoderInputIds or labels')

    const encoded = await this.encode(inputs, options)
    const attentionMask =
      inputs.decoderAttentionMask && toMask('decoderAttentionMask', inputs.decoderAttentionMask, ids)
    const mask = attentionMask && paddingMask(attentionMask) // [batch, 1, 1, target]
    const states = options.outputHiddenStates ? this.#decoder.statePoints() : undefined
    const self = options.outputAttentions ? this.#decoder.probPoints('self_attention') : undefined
    const cross = options.outputAttentions ? this.#decoder.probPoints('cross_attention') : undefined
    const { result: logits, take } = await this.run(options, [states, self, cross], async (pass, keep) =>
      keep(await this.#decode(encoded, { ids, mask }, pass)),
    )
    return {
      logits,
      loss: labels && crossEntropy(logits, labels),
      encoderLastHiddenState: encoded.lastHiddenState,
      encoderHiddenStates: encoded.hiddenStates,
      encoderAttentions: encoded.attentions,
      decoderHiddenStates: take(states),
      decoderAttentions: take(self),
      crossAttentions: take(cross),
    }
  }

  streamPoints(): readonly HookPoint[] {
    return this.#decoder.streamPoints()
  }

  get isPreNorm(): boolean {
    return this.#decoder.finalNorm !== undefined
  }

  async unembed(stream: Float, { frozenAt, signal }: UnembedOptions = {}): Promise<Float> {
    const { finalNorm } = this.#decoder
    const { result } = await this.run({ signal }, [], async (pass, keep) =>
      keep(await this.#head(finalNorm?.forward(stream, pass, frozenAt) ?? stream, pass)),
    )
    return result
  }

  /** -> [batch, target, vocabulary] */
  async #decode(encoded: Encoded, inputs: Seq2SeqStackInputs, pass: Pass): Promise<Float> {
    const { lastHiddenState: encoderStates, mask: encoderMask } = encoded
    const hiddenStates = await this.#decoder.forward({ ...inputs, encoderStates, encoderMask }, pass) // [batch, target, dModel]
    return pass.show(this.#logits, await this.#head(hiddenStates, pass))
  }

  /** The decoder reads what it should have written, one place to the right: start token, label 0, label 1, … */
  #shiftRight(labels: Ids): Ids {
    const [batch, target] = labels.shape
    const { decoderStartTokenId, padTokenId } = this.generationConfig
    const source = labels.toArray().map((id) => (id === -100 ? padTokenId : id))
    const shifted = source.map((_, at) => (at % target === 0 ? decoderStartTokenId : source[at - 1]))
    return Tensor.int32(shifted, [batch, target])
  }
}
