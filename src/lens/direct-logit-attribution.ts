/**
 * Direct logit attribution: which part of a pre-norm model wrote how much of a logit. The stream that the head reads is the sum of the
 * embeddings and of what every head and feed-forward block added to it. The last norm divides by the stream's size; that size is taken as
 * given, and so the logit is a sum too. It counts what a block writes for the head to read, and not what it does for later blocks, which
 * patching shows. Elhage et al. 2021, https://transformer-circuits.pub/2021/framework/index.html.
 */
import { InputError } from '../errors.js'
import type { LanguageModel } from '../models/index.js'
import { add, scale, type Float } from '../tensor/ops/index.js'
import { output, rowMajor } from '../tensor/ops/float.js'
import { Tensor } from '../tensor/tensor.js'
import { record, type Trace } from '../trace/index.js'
import { rangeAt } from './logit-lens.js'

export interface LogitAttributionOptions {
  /** Id of the token whose logit is taken apart. */
  readonly token: number
  /** Then it is the token's logit less that of this one: what speaks for the one and against the other. */
  readonly against?: number
  /** Row of the batch; 0 unless told. */
  readonly row?: number
  /** Place in the text of the decoder, whose next token is meant; counted from the end where negative, the last unless told. */
  readonly position?: number
  readonly signal?: AbortSignal
}

/** What one part of the model wrote. */
export interface Contribution {
  /** `bias`: of an attention's output projection, or the shift of the last norm. A block's own bias is in `feed_forward`. */
  readonly kind: 'embedding' | 'head' | 'feed_forward' | 'bias'
  /** Hook point at which it passes: `decoder.3.cross_attention.head_out`. */
  readonly point: string
  readonly head?: number
  /** Its share of the logit. */
  readonly value: number
}

export interface LogitAttribution {
  /** The logit, or the difference of two, as the model gives it. */
  readonly logit: number
  /** In the order of the pass. They sum to the logit up to rounding: 1e-4 of its size in float32, more with int8 weights. */
  readonly contributions: readonly Contribution[]
}

/** A vector that was added to the stream. */
interface Part extends Omit<Contribution, 'value'> {
  /** [1, 1, dimension] */
  readonly vector: Float
}

/** Parts whose logits are computed at once. */
const TOGETHER = 32

/**
 * Runs one forward pass and takes a logit apart.
 * @throws InputError for a post-norm model, or for a token, row or position that is not there; AbortedError; what the model's forward
 * throws
 */
export async function directLogitAttribution<Inputs>(
  model: LanguageModel<Inputs>,
  inputs: Inputs,
  { token, against, row = 0, position = -1, signal }: LogitAttributionOptions,
): Promise<LogitAttribution> {
  if (!model.isPreNorm) {
    throw new InputError(
      'post-norm',
      "directLogitAttribution: this model's layers norm what they add, alone or together with what came in, so that its logits are no sum over blocks; logitLens, ablateHead and patchFrom work on it",
    )
  }
  const points = model.hookPoints().map(({ name }) => name)
  const embeddings = embeddingPoints(points)
  const blocks = points.filter((name) => /^decoder\.\d+\..*\.(head_out|out)$/.test(name))
  const stream = model.streamPoints().at(-1)!.name
  let rows: number | undefined
  const { output: pass, trace } = await record(
    (hooks) => model.forward(inputs, { hooks, signal }),
    [...embeddings, ...blocks, stream],
    {
      keep: (tensor, { shape }) => {
        rows ??= tensor.shape[0]
        if (tensor.shape[0] !== rows) {
          throw new InputError(
            'bad-row',
            `directLogitAttribution: ${rows} rows share ${tensor.shape[0]} sources; give each row its own`,
          )
        }
        const axis = shape.indexOf('query')
        const ofRow = tensor.slice(0, ...rangeAt(row, tensor.shape[0], 'row'))
        return ofRow.slice(axis, ...rangeAt(position, tensor.shape[axis]))
      },
    },
  )
  const frozenAt = trace.get(stream)![0] // [1, 1, dimension]
  const zeros = Tensor.zeros('float32', frozenAt.shape)
  const logitOf = (logits: ArrayLike<number>) => logits[token] - (against === undefined ? 0 : logits[against])
  const given = rowMajor(pass.logits.select(0, row).select(0, position))
  for (const id of [token, against ?? token]) {
    if (!(id in given)) throw new InputError('bad-token', `there is no token ${id} of ${given.length}`)
  }

  const shift = logitOf(rowMajor(await model.unembed(zeros, { frozenAt, signal })))
  const parts = partsOf(trace, [...embeddings, ...blocks])
  const contributions: Contribution[] = []
  for (let first = 0; first < parts.length; first += TOGETHER) {
    const some = parts.slice(first, first + TOGETHER)
    const logits = await model.unembed(joined(some), { frozenAt, signal }) // [parts, 1, vocabulary]
    some.forEach(({ kind, point, head }, i) => {
      contributions.push({ kind, point, head, value: logitOf(rowMajor(logits.select(0, i))) - shift })
    })
  }
  if (shift !== 0) contributions.push({ kind: 'bias', point: 'decoder.final_norm', value: shift })
  return { logit: logitOf(given), contributions }
}

/** Those that are summed where the family has several, else the sum. */
function embeddingPoints(points: readonly string[]): string[] {
  const parts = points.filter((name) => /^(decoder\.)?embeddings\.(word|position)$/.test(name))
  return parts.length > 0 ? parts : points.filter((name) => /^(decoder\.)?embeddings\.out$/.test(name))
}

function partsOf(trace: Trace, points: readonly string[]): Part[] {
  return points.flatMap((point): Part[] => {
    const tensor = trace.get(point)![0]
    if (point.includes('embeddings.')) return [{ kind: 'embedding', point, vector: tensor }]
    if (point.endsWith('feed_forward.out')) return [{ kind: 'feed_forward', point, vector: tensor }]
    if (point.endsWith('.head_out'))
      return headsOf(tensor).map((vector, head) => ({ kind: 'head', point, head, vector }))
    // What the attention gives beyond its heads, nothing in a family without biases.
    const heads = headsOf(trace.get(point.replace(/out$/, 'head_out'))![0]).reduce((sum, head) => add(sum, head))
    const vector = add(tensor, scale(heads, -1))
    return vector.data.some((x) => x !== 0) ? [{ kind: 'bias', point, vector }] : []
  })
}

/** [1, heads, 1, dimension] -> [1, 1, dimension] each */
function headsOf(headOut: Float): Float[] {
  return Array.from({ length: headOut.shape[1] }, (_, head) => headOut.select(1, head))
}

/** [parts, 1, dimension] */
function joined(parts: readonly Part[]): Float {
  const width = parts[0].vector.size
  const { tensor, data } = output([parts.length, 1, width])
  parts.forEach(({ vector }, i) => data.set(rowMajor(vector), i * width))
  return tensor
}
