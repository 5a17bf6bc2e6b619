/**
 * Extractive question answering: a model reads a question and a passage as one text and says of every token how well the answer
 * begins, and ends, there. It writes nothing; the answer is the stretch whose start and end logits have the largest sum. Devlin et
 * al. 2018, https://arxiv.org/abs/1810.04805, section 4.2. The head is the same for BERT and its relatives; DPR's reader (dpr.ts)
 * has a second one beside it.
 */
import { ConfigError, InputError } from '../errors.js'
import { Linear, type Pass, type Weights } from '../layers/index.js'
import { crossEntropy, type Float, type Ids } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import type { Encoder } from './encoder.js'
import { EncoderBase, type EncoderHead, type EncoderInputs, type EncoderStates } from './encoder-model.js'
import { toIds, toPositions, type PositionsLike } from './inputs.js'
import type { RunOptions } from './model.js'

export interface QuestionAnsweringInputs extends EncoderInputs {
  /**
   * Token that the answer begins with, [batch]; with endPositions it gives `loss`. One before the text counts as the first token,
   * one behind it is left out of the mean, as in transformers.
   */
  readonly startPositions?: PositionsLike
  /** Token that the answer ends with, itself included, [batch] */
  readonly endPositions?: PositionsLike
}

/** Where an answer begins and ends, before softmax. Padding and the question have logits too. */
export interface SpanOutput extends EncoderStates {
  /** [batch, seq] */
  readonly startLogits: Float
  /** [batch, seq] */
  readonly endLogits: Float
}

export interface QuestionAnsweringOutput extends SpanOutput {
  /** Mean of the start's and the end's cross entropy in nats, NaN where every position of either lies behind the text; with positions. */
  readonly loss: number | undefined
}

/** `qa_outputs`: a linear layer that gives every token two logits. */
export class SpanHead implements EncoderHead {
  readonly #linear: Linear
  readonly #point = hookPoint('logits', ['batch', 'query', 2])

  constructor(weights: Weights, inFeatures: number) {
    this.#linear = new Linear(weights.scope('qa_outputs'), { inFeatures, outFeatures: 2, bias: true })
  }

  hookPoints(): HookPoint[] {
    return [this.#point]
  }

  /** [batch, seq, dimension] -> [batch, seq, 2] */
  async forward(hiddenStates: Float, pass: Pass): Promise<Float> {
    return pass.show(this.#point, await this.#linear.forward(hiddenStates, pass))
  }
}

/** [batch, seq, 2] -> two of [batch, seq] */
export function splitSpan(logits: Float): Pick<SpanOutput, 'startLogits' | 'endLogits'> {
  return { startLogits: logits.select(2, 0).copy(), endLogits: logits.select(2, 1).copy() }
}

/** An encoder that points at the answer to a question in the text that it reads. */
export abstract class EncoderForQuestionAnswering extends EncoderBase {
  abstract readonly config: { readonly numLabels: number }

  /** @throws ConfigError for a config with another number of labels than two */
  constructor(weights: Weights, encoder: Encoder, config: { readonly numLabels: number }, dimension: number) {
    if (config.numLabels !== 2) {
      throw new ConfigError(
        'config-type',
        `config.json: a question-answering head has 2 labels, start and end; this config has ${config.numLabels}`,
      )
    }
    super(weights, encoder, new SpanHead(weights, dimension))
  }

  /**
   * @throws InputError when a text is longer than the model's positions, or only one of startPositions and endPositions is given;
   * ShapeError unless there is one of each for every row
   */
  async forward(inputs: QuestionAnsweringInputs, options: RunOptions = {}): Promise<QuestionAnsweringOutput> {
    const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
    const answers = answerPositions(inputs, inputIds)
    const {
      read: [logits],
      hiddenStates,
      attentions,
    } = await this.encode({ ...inputs, inputIds }, options)
    const { startLogits, endLogits } = splitSpan(logits)
    const loss = answers && (meanLoss(startLogits, answers.start) + meanLoss(endLogits, answers.end)) / 2
    return { startLogits, endLogits, loss, hiddenStates, attentions }
  }
}

/** Start and end of each row's answer, [batch], from 0 to seq; undefined where none are given. */
function answerPositions(
  { startPositions, endPositions }: QuestionAnsweringInputs,
  { shape: [batch, seq] }: Ids,
): { readonly start: Ids; readonly end: Ids } | undefined {
  if (startPositions === undefined && endPositions === undefined) return undefined
  if (startPositions === undefined || endPositions === undefined) {
    throw new InputError('missing-input', 'forward: the loss of an answer needs startPositions and endPositions')
  }
  return {
    start: toPositions('startPositions', startPositions, batch, seq),
    end: toPositions('endPositions', endPositions, batch, seq),
  }
}

/** Mean cross entropy over the tokens of a row, without the rows whose position is seq, one behind the last. */
function meanLoss(logits: Float, positions: Ids): number {
  return crossEntropy(logits, positions, logits.shape[1])
}
