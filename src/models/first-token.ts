/**
 * What is read off the first token's state, which BERT and its relatives train to stand for the whole text: a pooling layer, a
 * retriever's vector, a classifier.
 */
import { Linear, type Pass, type Weights, type WeightScope } from '../layers/index.js'
import type { Activation, Float } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'

/** Linear layers on the first token's state, one after the other. */
export class FirstToken {
  readonly #steps: readonly FirstTokenStep[]

  constructor(...steps: readonly FirstTokenStep[]) {
    this.#steps = steps
  }

  hookPoints(): HookPoint[] {
    return this.#steps.map(({ point }) => point)
  }

  /** [batch, seq, dimension] -> [batch, size] */
  async forward(hiddenStates: Float, pass: Pass): Promise<Float> {
    let state = hiddenStates.select(1, 0) // [batch, dimension]
    for (const { point, linear, activation } of this.#steps) {
      state = await pass.show(point, await linear.forward(state, pass, activation))
    }
    return state
  }
}

interface FirstTokenStep {
  readonly point: HookPoint
  readonly linear: Linear
  readonly activation: Activation | undefined
}

/** A linear layer with bias, from `inFeatures` to `outFeatures`, whose output passes the hook point `name`. */
export function firstTokenStep(
  name: string,
  weights: WeightScope,
  { inFeatures, outFeatures, activation }: { inFeatures: number; outFeatures: number; activation?: Activation },
): FirstTokenStep {
  const linear = new Linear(weights, { inFeatures, outFeatures, bias: true })
  return { point: hookPoint(name, ['batch', outFeatures]), linear, activation }
}

/** tanh of a linear layer on the first token, as BERT, RoBERTa and MPNet pool. */
export function poolerStep(weights: Weights, hiddenSize: number): FirstTokenStep {
  return firstTokenStep('pooler', weights.scope('pooler.dense'), {
    inFeatures: hiddenSize,
    outFeatures: hiddenSize,
    activation: 'tanh',
  })
}

/** The pooling layer, if it is wanted: by default where the checkpoint has one. */
export function pooler(weights: Weights, hiddenSize: number, isWanted: boolean | undefined): FirstToken | undefined {
  if (isWanted ?? weights.has('pooler.dense.weight')) return new FirstToken(poolerStep(weights, hiddenSize))
  weights.ignore(/^pooler\./)
  return undefined
}

/** The classifier of RoBERTa and MPNet: two linear layers, tanh between them. */
export function denseClassifier(
  weights: Weights,
  { hiddenSize, numLabels }: { readonly hiddenSize: number; readonly numLabels: number },
): FirstToken {
  const before = { inFeatures: hiddenSize, outFeatures: hiddenSize, activation: 'tanh' as const }
  return new FirstToken(
    firstTokenStep('pooler', weights.scope('classifier.dense'), before),
    firstTokenStep('logits', weights.scope('classifier.out_proj'), { inFeatures: hiddenSize, outFeatures: numLabels }),
  )
}
