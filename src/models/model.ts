/**
 * What all models have in common: they are loaded from a Hugging Face folder onto a backend, list their hook points, and let a
 * caller look inside a run. A family's file says the rest.
 */
import { openBackend } from '../backends/default.js'
import type { Backend } from '../backends/index.js'
import { ConfigError } from '../errors.js'
import { JsonObject } from '../files/json.js'
import { readText, requireText, type FolderLike } from '../files/folder.js'
import { generationConfig, type GenerationConfig } from '../generation/index.js'
import { openPretrained, type HubOptions } from '../hub/index.js'
import { Pass, Weights, type LoadOptions } from '../layers/index.js'
import { openCheckpoint, readBlocks, widenQuantized } from '../safetensors/index.js'
import type { Float } from '../tensor/ops/index.js'
import type { DecoderStep } from '../trace/decoder-steps.js'
import { CLEAR, type Glass, type HookPoint } from '../trace/glass.js'
import { behind, glassOf, type HooksLike } from '../trace/hooks.js'

/** {@link HubOptions} are for a location that is a model on a hub. */
export interface FromPretrainedOptions extends LoadOptions, HubOptions {
  /**
   * Where the kernels run. By default the model gets the fastest backend for itself and disposes it with itself; `gpu` gets it
   * one on a GPU ({@link gpuBackend}).
   */
  readonly backend?: Backend | 'gpu'
  /**
   * `int8` quantises the matrices of linear layers: faster and smaller, at the price of some accuracy. A checkpoint that holds its matrices
   * in 8 bits (see {@link widenQuantized}) keeps its integers then, and is computed in float32 otherwise.
   *
   * `q8` and `q4` quantise them in the blocks of GGUF, a scale for each 32 values: nearer to the floats than `int8`, and `q4` a little more than half
   * of its size. Prompts are read faster with `int8`. A checkpoint that is in blocks already keeps its own, whatever is asked for here
   * but `int8`.
   */
  readonly dtype?: 'int8' | 'q8' | 'q4'
}

/** Options that every forward pass takes. */
export interface RunOptions {
  /** Functions that read or replace tensors on the way, by hook-point pattern. */
  readonly hooks?: HooksLike
  readonly signal?: AbortSignal
  /** Return the states between the layers. */
  readonly outputHiddenStates?: boolean
  /** Return the attention probabilities. */
  readonly outputAttentions?: boolean
}

/** What is said of each pass: who looks, which step of a generation it is, and what ends it. */
export interface PassOptions extends Pick<RunOptions, 'hooks' | 'signal'> {
  readonly step?: DecoderStep
}

/**
 * What every family's classes share. A model owns its weights; one that was loaded without a backend owns that too.
 */
export abstract class Model {
  readonly #weights: Weights

  constructor(weights: Weights) {
    this.#weights = weights
  }

  /** Every place in the forward pass where a tensor can be read or replaced. */
  abstract hookPoints(): readonly HookPoint[]

  /** Gives back the weights' memory, and the backend if the model made it. Idempotent; the model is not used afterwards. */
  dispose(): void {
    this.#weights.dispose()
  }

  /** Where the kernels run. */
  get backend(): Backend {
    return this.#weights.backend
  }

  /**
   * Runs a pass through the caller's hooks and, behind them, a collector of the tensors at `points`. `part` returns what
   * outlives the pass, each tensor through `keep`.
   */
  protected async run<T>(
    { hooks, signal, step }: PassOptions,
    points: readonly (readonly HookPoint[] | undefined)[],
    part: (pass: Pass, keep: (tensor: Float) => Float) => Promise<T>,
  ): Promise<{ result: T; take: Take }> {
    const wanted = new Set(points.flatMap((list) => list ?? []).map(({ name }) => name))
    const collected = new Map<string, Float>()
    const collector: Glass = {
      watches: ({ name }) => wanted.has(name),
      show: async ({ name }, tensor) => {
        if (wanted.has(name)) collected.set(name, tensor.copy())
        return tensor
      },
    }
    const user = hooks ? glassOf(hooks, this.hookPoints(), step) : CLEAR
    const glass = wanted.size === 0 ? user : behind(user, collector)
    const result = await Pass.run(this.backend, { glass, signal }, part)
    return { result, take: (list) => list?.map(({ name }) => collected.get(name)!) }
  }
}

/** {@link Model.run}, for the parts that several classes of a family share. */
export type Run = <T>(
  options: PassOptions,
  points: readonly (readonly HookPoint[] | undefined)[],
  part: (pass: Pass, keep: (tensor: Float) => Float) => Promise<T>,
) => Promise<{ result: T; take: Take }>

/** The collected tensors of these points, in their order; undefined when they were not asked for. */
export type Take = (points: readonly HookPoint[] | undefined) => readonly Float[] | undefined

/** How a family builds one of its classes from config.json; weights are asked for here and read afterwards. */
export type Build<M extends Model> = (config: JsonObject, weights: Weights, generation: GenerationConfig) => M

/**
 * Reads config.json and the checkpoint of a folder, or of a model on a hub, into a model.
 * @throws FileError for a missing file, HubError for a download that fails, ConfigError for an unusable config, SafetensorsError for a broken file, WeightsError for
 * tensors that do not fit
 */
export async function loadModel<M extends Model>(
  location: FolderLike,
  build: Build<M>,
  { backend, dtype, ...options }: FromPretrainedOptions = {},
): Promise<M> {
  const folder = await openPretrained(location, options)
  const config = JsonObject.parse(
    await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path'),
    `${folder.name}/config.json`,
  )
  const generationText = await readText(folder, 'generation_config.json')
  const generationJson =
    generationText === undefined ? undefined : JsonObject.parse(generationText, `${folder.name}/generation_config.json`)
  const checkpoint = await openCheckpoint(folder)
  let weights: Weights | undefined
  try {
    weights = new Weights(widenQuantized(readBlocks(checkpoint)), { ...(await openBackend(backend)), dtype })
    const model = build(config, weights, generationConfig(config, generationJson))
    await weights.load(options)
    return model
  } catch (error) {
    weights?.dispose()
    throw error
  } finally {
    await checkpoint.close()
  }
}

/** More layers than any model has: a config that asks for more is refused before they are built. */
export const MAX_LAYERS = 1024

/** @throws ConfigError when config.json is of another family than these */
export function requireFamily(config: JsonObject, ...families: readonly string[]): void {
  const got = config.string('model_type')
  if (!families.includes(got)) {
    throw new ConfigError(
      'wrong-family',
      `${config.where}: model_type is "${got}", this class loads "${families.join('" or "')}"; AutoModel picks the class by itself`,
    )
  }
}
