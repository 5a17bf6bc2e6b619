/**
 * The logit lens: what a model would say if it ended after a layer. Its own last norm and head read the states between the layers, so one
 * sees at which depth an answer appears. The layers before the last were not trained to be read in this way; in a model where the
 * directions of its states turn from layer to layer, early layers read as noise, though they hold the answer already. nostalgebraist
 * 2020, https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens.
 */
import { InputError } from '../errors.js'
import type { LanguageModel } from '../models/index.js'
import type { Float } from '../tensor/ops/index.js'
import { record, type HooksLike } from '../trace/index.js'

export interface LogitLensOptions {
  /** Place in the text of the decoder, counted from its end where negative; all places unless told. */
  readonly position?: number
  /** What is done to the pass that is looked into. */
  readonly hooks?: HooksLike
  readonly signal?: AbortSignal
}

export interface LensLogits {
  /** Hook point of the states that were read: those before each layer, and those after the last. */
  readonly point: string
  /** [batch, query, vocabulary], with one query where a position was asked for */
  readonly logits: Float
}

/**
 * Runs one forward pass, and gives the logits of each depth of the decoder, one by one. The last are those of the model itself.
 * @throws InputError for a position that the text has not; AbortedError; what the model's forward throws
 */
export async function* logitLens<Inputs>(
  model: LanguageModel<Inputs>,
  inputs: Inputs,
  { position, hooks = [], signal }: LogitLensOptions = {},
): AsyncGenerator<LensLogits, void, void> {
  const points = model.streamPoints().map(({ name }) => name)
  const { trace } = await record((recorder) => model.forward(inputs, { hooks: [hooks, recorder], signal }), points, {
    keep: (states) => (position === undefined ? states : states.slice(1, ...rangeAt(position, states.shape[1]))),
  })
  for (const point of points) yield { point, logits: await model.unembed(trace.get(point)![0], { signal }) }
}

/** Start and end of one index, which may count from the end. @throws InputError when it is not below `count` */
export function rangeAt(
  index: number,
  count: number,
  what: 'position' | 'row' = 'position',
): [start: number, end: number] {
  const at = index < 0 ? index + count : index
  if (Number.isInteger(at) && at >= 0 && at < count) return [at, at + 1]
  throw new InputError(`bad-${what}`, `there is no ${what} ${index} of ${count}`)
}
