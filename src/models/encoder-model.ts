/**
 * The classes around an encoder (encoder.ts), the same for BERT and its relatives: one that gives the states, one that judges
 * the text. The one that points at an answer is in question-answering.ts.
 */
import { paddingMask } from '../attention/index.js'
import { InputError } from '../errors.js'
import type { JsonObject } from '../files/json.js'
import type { Pass, Weights } from '../layers/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import type { HookPoint } from '../trace/glass.js'
import type { Encoder } from './encoder.js'
import type { FirstToken } from './first-token.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import { Model, type FromPretrainedOptions, type RunOptions } from './model.js'

export interface EncoderInputs {
  /** [batch, seq] */
  readonly inputIds: IdsLike
  /** 1 for tokens, 0 for padding; all 1 when left out. [batch, seq] */
  readonly attentionMask?: IdsLike
  /** Segment of each token; all 0 when left out. A family without segments does not look at it. [batch, seq] */
  readonly tokenTypeIds?: IdsLike
}

export interface EncoderStates {
  /** Embeddings and the output of every layer; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

export interface EncoderOutput extends EncoderStates {
  /** [batch, seq, hiddenSize] */
  readonly lastHiddenState: Float
  /** What the pooling layer makes of the first token's state, [batch, size]; undefined without that layer. */
  readonly poolerOutput: Float | undefined
}

export interface SequenceClassifierOutput extends EncoderStates {
  /** Score of each label before softmax; a reranker has one label, whose sigmoid is the relevance. [batch, labels] */
  readonly logits: Float
}

export interface EncoderModelOptions extends FromPretrainedOptions {
  /** Whether to load the pooling layer; sentence encoders do not use it. Default: if the checkpoint has one. */
  readonly addPoolingLayer?: boolean
}

/** Labels of a classifier: transformers writes their names, and two unnamed ones not at all. */
export function numLabels(json: JsonObject): number {
  return json.has('id2label') ? json.object('id2label').keys().length : json.integer('num_labels', { fallback: 2 })
}

/** What is read off the encoder's states, [batch, seq, dimension]. */
export interface EncoderHead {
  hookPoints(): readonly HookPoint[]
  forward(hiddenStates: Float, pass: Pass): Promise<Float>
}

/** What the classes with an encoder have in common. */
export abstract class EncoderBase extends Model {
  protected readonly encoder: Encoder
  protected readonly heads: readonly EncoderHead[]

  constructor(weights: Weights, encoder: Encoder, ...heads: readonly EncoderHead[]) {
    super(weights)
    this.encoder = encoder
    this.heads = heads
  }

  /** Most tokens of a text. */
  get maxLength(): number {
    return this.encoder.maxLength
  }

  hookPoints(): readonly HookPoint[] {
    return [...this.encoder.hookPoints(), ...this.heads.flatMap((head) => head.hookPoints())]
  }

  /** Mask where the caller gives none. */
  protected defaultMask(inputIds: Ids): Ids {
    return toMask('attentionMask', undefined, inputIds)
  }

  /** Runs the encoder and its heads. @throws InputError when a text is longer than the model's positions */
  protected async encode(
    inputs: EncoderInputs,
    options: RunOptions,
  ): Promise<EncoderStates & { readonly lastHiddenState: Float; readonly read: readonly Float[] }> {
    const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
    const { maxLength } = this
    if (inputIds.shape[1] > maxLength) {
      throw new InputError(
        'too-long',
        `the text has ${inputIds.shape[1]} tokens, this model reads at most ${maxLength}; shorten or truncate it`,
      )
    }
    const given = inputs.attentionMask && toMask('attentionMask', inputs.attentionMask, inputIds)
    const mask = paddingMask(given ?? this.defaultMask(inputIds)) // [batch, 1, 1, seq]
    const tokenTypeIds = inputs.tokenTypeIds
      ? toMask('tokenTypeIds', inputs.tokenTypeIds, inputIds)
      : Tensor.zeros('int32', inputIds.shape)
    const states = options.outputHiddenStates ? this.encoder.statePoints() : undefined
    const probs = options.outputAttentions ? this.encoder.probPoints() : undefined
    const { result, take } = await this.run(options, [states, probs], async (pass, keep) => {
      const hiddenStates = await this.encoder.forward(inputIds, tokenTypeIds, mask, pass) // [batch, seq, dimension]
      const read: Float[] = []
      for (const head of this.heads) read.push(keep(await head.forward(hiddenStates, pass)))
      return { lastHiddenState: keep(hiddenStates), read }
    })
    return { ...result, hiddenStates: take(states), attentions: take(probs) }
  }
}

/** An encoder whose states are the result, with a pooling layer where it has one. */
export abstract class EncoderModel extends EncoderBase {
  constructor(weights: Weights, encoder: Encoder, pooler: FirstToken | undefined) {
    super(weights, encoder, ...(pooler ? [pooler] : []))
  }

  /** @throws InputError when a text is longer than the model's positions */
  async forward(inputs: EncoderInputs, options: RunOptions = {}): Promise<EncoderOutput> {
    const {
      read: [poolerOutput],
      ...output
    } = await this.encode(inputs, options)
    return { ...output, poolerOutput }
  }
}

/** An encoder that judges a text, or a pair of texts, as a cross-encoder does. */
export abstract class EncoderForSequenceClassification extends EncoderBase {
  abstract readonly config: { readonly numLabels: number }

  /** @throws InputError when a text is longer than the model's positions */
  async forward(inputs: EncoderInputs, options: RunOptions = {}): Promise<SequenceClassifierOutput> {
    const {
      read: [logits],
      hiddenStates,
      attentions,
    } = await this.encode(inputs, options)
    return { logits, hiddenStates, attentions }
  }
}
