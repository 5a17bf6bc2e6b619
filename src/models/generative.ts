/**
 * Models that write. Generation itself (search, sampling, stopping) lives in generation/ and works on a Decoder; here is how the two
 * kinds of models give one: an encoder-decoder decodes from a source that it has read, a causal model from a prompt. A family
 * adds its forward pass and nothing else.
 */
import { paddingMask, type DecoderCache } from '../attention/index.js'
import { InputError } from '../errors.js'
import {
  expectedTokens,
  generate,
  requireFollowable,
  stream,
  type Decoder,
  type Decoding,
  type GenerateOptions,
  type GenerateOutput,
  type GenerationConfig,
  type GenerationStep,
} from '../generation/index.js'
import type { Pass } from '../layers/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { logSoftmax, type Float, type Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { DecoderSteps, type DecoderStep } from '../trace/decoder-steps.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import { Model, type PassOptions, type RunOptions } from './model.js'

/** Options of the passes that a generation is made of. */
export type StepOptions = Pick<RunOptions, 'hooks' | 'signal'>

export interface GenerativeOptions extends GenerateOptions, StepOptions {}

export interface TextInputs {
  /** [batch, seq] */
  readonly inputIds: IdsLike
  /** 1 for tokens, 0 for padding (right of a source, left of a prompt); all 1 when left out. [batch, seq] */
  readonly attentionMask?: IdsLike
}

/** How a decoding is begun. */
export interface StartOptions extends StepOptions {
  /** New tokens to make room for. */
  readonly capacity: number
}

export abstract class GenerativeModel<Inputs = TextInputs> extends Model {
  abstract readonly generationConfig: GenerationConfig

  /** Reads the inputs as far as that is done once, and gives the decoder that generation asks for tokens. */
  protected abstract startDecoding(inputs: Inputs, options: StartOptions): Promise<Decoding>

  /** @throws InputError for what {@link generate} would refuse whatever the inputs: an option that is unknown or wrong */
  checkOptions(options: GenerativeOptions): void {
    requireFollowable(options, this.generationConfig)
  }

  /** Writes a text for each row. @throws InputError for an option that is unknown or not supported; AbortedError */
  generate(inputs: Inputs, options: GenerativeOptions = {}): Promise<GenerateOutput> {
    return generateWith((start) => this.startDecoding(inputs, start), this.generationConfig, options)
  }

  /**
   * The steps of {@link generate}, one by one as they are decided; `textPieces(steps, tokenizer)` makes text of them.
   * @throws InputError also for a beam search, which knows no token for sure before its end
   */
  stream(inputs: Inputs, options: GenerativeOptions = {}): AsyncGenerator<GenerationStep, void, void> {
    return streamWith((start) => this.startDecoding(inputs, start), this.generationConfig, options)
  }
}

export type StartDecoding = (options: StartOptions) => Promise<Decoding>

/** Starts a decoding, generates from it and gives it back. */
export async function generateWith(
  start: StartDecoding,
  config: GenerationConfig,
  options: GenerativeOptions,
): Promise<GenerateOutput> {
  const decoding = await start(startOptions(options, config))
  try {
    return await generate(decoding, config, options)
  } finally {
    decoding.decoder.dispose()
  }
}

/** The steps of {@link generateWith}, one by one as they are decided. */
export async function* streamWith(
  start: StartDecoding,
  config: GenerationConfig,
  options: GenerativeOptions,
): AsyncGenerator<GenerationStep, void, void> {
  const decoding = await start(startOptions(options, config))
  try {
    yield* stream(decoding, config, options)
  } finally {
    decoding.decoder.dispose()
  }
}

function startOptions(options: GenerativeOptions, config: GenerationConfig): StartOptions {
  requireFollowable(options, config)
  return { hooks: options.hooks, signal: options.signal, capacity: expectedTokens(options, config) }
}

/** What a decoder looks at: the source as an encoder left it. */
export interface Encoded {
  /** [sources, seq, dimension] */
  readonly lastHiddenState: Float
  /** 0, or the lowest float32 at padding; [sources, 1, 1, seq] */
  readonly mask: Float
  /** [sources, seq] */
  readonly inputIds: Ids
}

export interface DecodeStepOptions extends StepOptions {
  /** Then the ids are only those that the cache does not hold yet. */
  readonly cache?: DecoderCache
  /** What hooks are told of the step. Without it, patches count positions from the first of the ids. */
  readonly step?: DecoderStep
}

/** An encoder-decoder. Several rows of a decoding may share a source; its keys and values are computed and held once. */
export abstract class Seq2SeqModel<E extends Encoded = Encoded> extends GenerativeModel {
  /** Reads a text: what the decoder looks at. */
  abstract encode(inputs: TextInputs, options?: RunOptions): Promise<E>

  /**
   * Logits of the token after each of `decoderInputIds` [rows, target] -> [rows, target, vocabulary]. `rows` is the number of sources
   * or a multiple of it; neighbouring rows share a source.
   */
  abstract decode(encoded: Encoded, decoderInputIds: IdsLike, options?: DecodeStepOptions): Promise<Float>

  /** An empty cache for a decoding that goes on step by step; `capacity` is the number of tokens to make room for at first. */
  abstract startCache(capacity?: number): DecoderCache

  /** As {@link generate}, from texts that were already read. */
  generateFrom(encoded: Encoded, options: GenerativeOptions = {}): Promise<GenerateOutput> {
    return generateWith(async (start) => this.startDecodingFrom(encoded, start), this.generationConfig, options)
  }

  /** As {@link stream}, from texts that were already read. */
  streamFrom(encoded: Encoded, options: GenerativeOptions = {}): AsyncGenerator<GenerationStep, void, void> {
    return streamWith(async (start) => this.startDecodingFrom(encoded, start), this.generationConfig, options)
  }

  protected override async startDecoding(inputs: TextInputs, options: StartOptions): Promise<Decoding> {
    return this.startDecodingFrom(await this.encode(inputs, options), options)
  }

  /** A decoding with one row for each source, from the start token. */
  startDecodingFrom(encoded: Encoded, { capacity, ...options }: StartOptions): Decoding {
    const cache = this.startCache(capacity)
    const sources = encoded.lastHiddenState.shape[0]
    let rows = sources
    const steps = new DecoderSteps()
    const decoder: Decoder = {
      next: async (tokens) => {
        const step = steps.next(tokens, cache.length)
        const logits = await this.decode(encoded, tokens, { ...options, cache, step }) // [rows, n, vocabulary]
        return logits.select(1, -1)
      },
      reorder: (parents) => {
        requireOwnSources(parents, rows, sources)
        rows = parents.length
        cache.reorder(parents)
        steps.reorder(parents)
      },
      dispose: () => cache.dispose(),
    }
    const prompt = Array.from({ length: sources }, () => [this.generationConfig.decoderStartTokenId])
    return { decoder, prompt, source: rowsOf(encoded.inputIds) }
  }
}

/** Cross-attention reads the source by the row's place, so a row cannot move to another source. */
function requireOwnSources(parents: readonly number[], rows: number, sources: number): void {
  const sourceOf = (row: number, of: number) => Math.floor((row * sources) / of)
  const wrong = parents.findIndex((parent, row) => sourceOf(parent, rows) !== sourceOf(row, parents.length))
  if (parents.length % sources === 0 && wrong < 0) return
  throw new InputError('bad-row', `reorder: rows [${parents.join(', ')}] mix ${sources} sources of ${rows} rows`)
}

/** What a causal model's pass gets beside the ids. */
export interface CausalContext {
  /** Holds the positions before `ids`; they are appended to it. */
  readonly cache: DecoderCache
  /** 0, or the lowest float32 at padding, for all positions up to the last of `ids`; undefined without padding. [rows, 1, 1, key] */
  readonly mask: Float | undefined
  /** Place of each of `ids` among the tokens of its row that are not padding. [rows, n] */
  readonly positions: Ids
}

/** The keys and values of a prompt, kept for later generations that begin with the same tokens. */
export class PromptCache {
  readonly tokens: readonly number[]
  /** @internal */
  readonly cache: DecoderCache

  constructor(tokens: readonly number[], cache: DecoderCache) {
    this.tokens = tokens
    this.cache = cache
  }

  /** Gives back its memory. Idempotent. */
  dispose(): void {
    this.cache.dispose()
  }
}

export interface CausalInputs extends TextInputs {
  /** Keys and values of tokens that all rows may begin with; as many as agree are used, and the rest is read. */
  readonly promptCache?: PromptCache
}

/** A decoder-only model. Prompts of a batch are padded on the left, so that all rows go on at their end. */
export abstract class CausalModel extends GenerativeModel<CausalInputs> {
  /** Logits of the token after each of the last `count` of `ids`: [rows, n] -> [rows, count, vocabulary]. */
  protected abstract decodeLast(ids: Ids, count: number, context: CausalContext, options: PassOptions): Promise<Float>

  /** An empty cache; `capacity` is the number of tokens to make room for at first, the prompt's included. */
  protected abstract startCache(capacity?: number): DecoderCache

  /** Reads a prompt once, for all generations whose prompts begin with it. */
  async readPrompt(tokens: readonly number[], options: StepOptions = {}): Promise<PromptCache> {
    const cache = this.startCache(tokens.length)
    try {
      const positions = following(0, 1, tokens.length)
      await this.decodeLast(toIds('tokens', [tokens]), 1, { cache, mask: undefined, positions }, options)
    } catch (error) {
      cache.dispose()
      throw error
    }
    return new PromptCache([...tokens], cache)
  }

  /**
   * ln p(token|prompt, tokens before) for each token of `continuation`, in one pass.
   * @throws InputError for an empty prompt or continuation, AbortedError
   */
  async score(
    prompt: readonly number[],
    continuation: readonly number[],
    { promptCache, ...options }: StepOptions & Pick<CausalInputs, 'promptCache'> = {},
  ): Promise<number[]> {
    if (prompt.length === 0 || continuation.length === 0) {
      const which = prompt.length === 0 ? 'prompt' : 'continuation'
      throw new InputError('empty-prompt', `score: the ${which} has no tokens`)
    }
    const read = [...prompt, ...continuation.slice(0, -1)]
    const known = commonPrefix([prompt], promptCache?.tokens ?? [])
    const cache = this.startCache(read.length)
    try {
      if (known > 0) await this.#adopt(cache, promptCache!, known, 1)
      const ids = toIds('tokens', [read.slice(known)])
      const context = { cache, mask: undefined, positions: following(known, 1, read.length - known) }
      const step = new DecoderSteps().next([read], known)
      const logits = await this.decodeLast(ids, continuation.length, context, { ...options, step }) // [1, tokens, vocabulary]
      const logProbs = logSoftmax(logits)
      const values = rowMajor(logProbs)
      return continuation.map((id, t) => values[t * logProbs.shape[2] + id])
    } finally {
      cache.dispose()
    }
  }

  async #adopt(cache: DecoderCache, { cache: prefix }: PromptCache, length: number, rows: number): Promise<void> {
    await this.run({}, [], async ({ kernels }: Pass) => cache.adopt(prefix, length, rows, kernels))
  }

  protected override async startDecoding(inputs: CausalInputs, start: StartOptions): Promise<Decoding> {
    const { capacity, ...options } = start
    const ids = toIds('inputIds', inputs.inputIds) // [batch, seq]
    const [batch, width] = ids.shape
    const prompt = rowsOf(ids)
    const masks = rowsOf(toMask('attentionMask', inputs.attentionMask, ids))
    requireLeftPadding(masks)
    const padded = masks.some((row) => row[0] === 0)
    const cache = this.startCache(width + capacity)
    const known = padded ? 0 : commonPrefix(prompt, inputs.promptCache?.tokens ?? [])
    if (known > 0) await this.#adopt(cache, inputs.promptCache!, known, batch)

    let paddings = masks.map((row) => row.indexOf(1)) // by row
    let held = known
    const steps = new DecoderSteps()
    const decoder: Decoder = {
      next: async (tokens) => {
        const before = cache.length
        const step = steps.next(tokens, before)
        const given = tokens.map((row) => row.slice(held)) // the first tokens are the whole prompt
        held = 0
        const end = before + given[0].length
        const context = {
          cache,
          mask: padded ? paddingMask(paddedRows(paddings, end)) : undefined,
          positions: Tensor.int32(
            paddings.flatMap((padding) => given[0].map((_, i) => positionAt(before + i, padding))),
            [given.length, given[0].length],
          ),
        }
        return (await this.decodeLast(toIds('tokens', given), 1, context, { ...options, step })).select(1, 0)
      },
      reorder: (parents) => {
        cache.reorder(parents)
        steps.reorder(parents)
        paddings = parents.map((parent) => paddings[parent])
      },
      dispose: () => cache.dispose(),
    }
    return { decoder, prompt }
  }
}

/** As transformers counts: padding has position 1, which nobody sees, and the first token 0. */
function positionAt(column: number, padding: number): number {
  return column < padding ? 1 : column - padding
}

/** [rows, length]: 0 for the padding at the beginning, then 1. */
function paddedRows(paddings: readonly number[], length: number): Ids {
  const bits = paddings.flatMap((padding) => Array.from({ length }, (_, i) => (i < padding ? 0 : 1)))
  return Tensor.int32(bits, [paddings.length, length])
}

function requireLeftPadding(masks: readonly (readonly number[])[]): void {
  for (const row of masks) {
    const first = row.indexOf(1)
    if (first < 0) throw new InputError('empty-prompt', 'generate: a prompt has no tokens')
    if (row.indexOf(0, first) >= 0) {
      throw new InputError(
        'wrong-padding',
        'generate: a prompt is padded on the right; a decoder-only model goes on at the end of a row, so pad on the left',
      )
    }
  }
}

/** Length of what all rows begin with, but for the last token: its logits are needed. */
function commonPrefix(rows: readonly (readonly number[])[], tokens: readonly number[]): number {
  let length = 0
  const most = Math.min(tokens.length, rows[0].length - 1)
  while (length < most && rows.every((row) => row[length] === tokens[length])) length++
  return length
}

function rowsOf(ids: Ids): number[][] {
  const flat = ids.toArray()
  const [rows, width] = ids.shape
  return Array.from({ length: rows }, (_, row) => flat.slice(row * width, (row + 1) * width))
}

/** [1 row for each of rows, count]: start, start + 1, … */
function following(start: number, rows: number, count: number): Ids {
  return Tensor.int32(
    Array.from({ length: rows * count }, (_, i) => start + (i % count)),
    [rows, count],
  )
}
