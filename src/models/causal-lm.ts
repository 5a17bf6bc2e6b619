/**
 * The classes around a decoder (causal-decoder.ts), the same for GPT-2, Llama and Qwen: one that gives the states, and one with a
 * head that predicts the next token.
 */
import { DecoderCache, paddingMask } from '../attention/index.js'
import type { GenerationConfig } from '../generation/index.js'
import { Linear, type Pass, type Weights } from '../layers/index.js'
import { crossEntropy, type Float, type Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import type { CausalDecoder, CausalDecoderInputs } from './causal-decoder.js'
import { CausalModel, type CausalContext } from './generative.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import type { LanguageModel, UnembedOptions } from './language-model.js'
import { Model, type PassOptions, type RunOptions } from './model.js'

export interface DecoderInputs {
  /** [batch, seq] */
  readonly inputIds: IdsLike
  /** 1 for tokens, 0 for padding on either side; all 1 when left out. [batch, seq] */
  readonly attentionMask?: IdsLike
  /** Place of each token; by default counted from each row's first token that is not padding. [batch, seq] */
  readonly positionIds?: IdsLike
}

export interface DecoderStates {
  /** The states before each layer and after the last norm; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

export interface DecoderOutput extends DecoderStates {
  /** [batch, seq, hiddenSize] */
  readonly lastHiddenState: Float
}

export interface CausalLMInputs extends DecoderInputs {
  /** The ids themselves, -100 where none counts: each position is judged by the label after it. Gives `loss`. [batch, seq] */
  readonly labels?: IdsLike
}

export interface CausalLMOutput extends DecoderStates {
  /** Logits of the token after each position, [batch, seq, vocabulary] */
  readonly logits: Float
  /** Mean cross entropy in nats; with labels. */
  readonly loss: number | undefined
}

/** Ids, positions and mask of a whole pass. */
function decoderInputs(inputs: DecoderInputs): CausalDecoderInputs {
  const ids = toIds('inputIds', inputs.inputIds) // [batch, seq]
  const attentionMask = toMask('attentionMask', inputs.attentionMask, ids) // [batch, seq]
  const positions = inputs.positionIds ? toMask('positionIds', inputs.positionIds, ids) : positionsOf(attentionMask)
  return { ids, positions, mask: inputs.attentionMask && paddingMask(attentionMask) }
}

/** Counts from each row's first token; padding before it, which nobody sees, gets position 1, as in transformers. */
function positionsOf(attentionMask: Ids): Ids {
  const [batch, seq] = attentionMask.shape
  const mask = attentionMask.toArray()
  const positions = Array.from({ length: batch }, (_, row) => {
    const first = Math.max(0, mask.indexOf(1, row * seq) - row * seq)
    return Array.from({ length: seq }, (_, i) => (i < first ? 1 : i - first))
  })
  return Tensor.int32(positions.flat(), [batch, seq])
}

/** A decoder whose states are the result. */
export abstract class DecoderModel extends Model {
  readonly #decoder: CausalDecoder

  constructor(weights: Weights, decoder: CausalDecoder) {
    super(weights)
    this.#decoder = decoder
  }

  hookPoints(): readonly HookPoint[] {
    return this.#decoder.hookPoints()
  }

  async forward(inputs: DecoderInputs, options: RunOptions = {}): Promise<DecoderOutput> {
    const states = options.outputHiddenStates ? this.#decoder.statePoints() : undefined
    const probs = options.outputAttentions ? this.#decoder.probPoints() : undefined
    const { result, take } = await this.run(options, [states, probs], async (pass, keep) =>
      keep(await this.#decoder.forward(decoderInputs(inputs), pass)),
    )
    return { lastHiddenState: result, hiddenStates: take(states), attentions: take(probs) }
  }
}

export interface CausalLMSettings {
  readonly vocabSize: number
  readonly dimension: number
  /** Whether the head is the embedding. */
  readonly tied: boolean
  /** Positions that the model has, or was trained with. */
  readonly maxLength: number
  readonly generationConfig: GenerationConfig
}

/** A decoder with a head that predicts the next token. */
export abstract class CausalLM extends CausalModel implements LanguageModel<CausalLMInputs> {
  override readonly generationConfig: GenerationConfig
  /** Most tokens of a prompt together with what is written: positions that the model has, or was trained with. */
  readonly maxLength: number
  readonly #decoder: CausalDecoder
  /** Untied models have a head of their own; tied ones multiply with the embedding. */
  readonly #head: Linear | undefined
  readonly #logits: HookPoint

  constructor(weights: Weights, decoder: CausalDecoder, settings: CausalLMSettings) {
    super(weights)
    const { vocabSize, dimension, tied, generationConfig } = settings
    this.generationConfig = generationConfig
    this.maxLength = settings.maxLength
    this.#decoder = decoder
    this.#head = tied
      ? undefined
      : new Linear(weights.scope('lm_head'), { inFeatures: dimension, outFeatures: vocabSize, bias: false })
    this.#logits = hookPoint('logits', ['batch', 'query', vocabSize])
    if (tied) weights.ignore(/^lm_head\.weight$/) // some files repeat the embedding
  }

  hookPoints(): readonly HookPoint[] {
    return [...this.#decoder.hookPoints(), this.#logits]
  }

  /** One pass over whole texts, as in training or scoring. */
  async forward(inputs: CausalLMInputs, options: RunOptions = {}): Promise<CausalLMOutput> {
    const whole = decoderInputs(inputs)
    const labels = inputs.labels && toMask('labels', inputs.labels, whole.ids)
    const states = options.outputHiddenStates ? this.#decoder.statePoints() : undefined
    const probs = options.outputAttentions ? this.#decoder.probPoints() : undefined
    const { result: logits, take } = await this.run(options, [states, probs], async (pass, keep) =>
      keep(await this.#project(await this.#decoder.forward(whole, pass), pass)),
    )
    const loss = labels && crossEntropy(logits.slice(1, 0, -1), labels.slice(1, 1))
    return { logits, loss, hiddenStates: take(states), attentions: take(probs) }
  }

  streamPoints(): readonly HookPoint[] {
    return this.#decoder.streamPoints()
  }

  get isPreNorm(): boolean {
    return true
  }

  async unembed(stream: Float, { frozenAt, signal }: UnembedOptions = {}): Promise<Float> {
    const { result } = await this.run({ signal }, [], async (pass, keep) =>
      keep(await this.#project(this.#decoder.finalNorm.forward(stream, pass, frozenAt), pass)),
    )
    return result
  }

  protected override async decodeLast(
    ids: Ids,
    count: number,
    context: CausalContext,
    options: PassOptions,
  ): Promise<Float> {
    const { result } = await this.run(options, [], async (pass, keep) => {
      const hiddenStates = await this.#decoder.forward({ ids, ...context }, pass) // [rows, n, dimension]
      return keep(await this.#project(hiddenStates.slice(1, -count), pass)) // [rows, count, vocabulary]
    })
    return result
  }

  protected override startCache(capacity?: number): DecoderCache {
    return new DecoderCache(this.backend, { numLayers: this.#decoder.numLayers, capacity })
  }

  /** [batch, query, dimension] -> [batch, query, vocabulary] */
  async #project(hiddenStates: Float, pass: Pass): Promise<Float> {
    const logits = this.#head?.forward(hiddenStates, pass) ?? this.#decoder.embedding.project(hiddenStates, pass)
    return pass.show(this.#logits, await logits)
  }
}
