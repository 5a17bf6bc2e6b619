/**
 * What all models have in common: they are loaded from a Hugging Face folder onto a backend, list their hook points, and let a
 * caller look inside a run. A family's file says the rest.
 */
import { referenceBackend, type Backend } from '../backends/index.js'
import { ConfigError } from '../errors.js'
import { JsonObject } from '../files/json.js'
import { openFolder, readText, requireText, type FolderLike } from '../files/folder.js'
import { generationConfig, type GenerationConfig } from '../generation/index.js'
import { Weights, type LoadOptions } from '../layers/index.js'
import { openCheckpoint } from '../safetensors/index.js'
import type { Float } from '../tensor/ops/index.js'
import { CLEAR, glassOf, type Glass, type HookPoint, type Hooks } from '../trace/index.js'
import { behind } from '../trace/hooks.js'

export interface FromPretrainedOptions extends LoadOptions {
  /** Where the kernels run; the reference backend unless told. The caller disposes it. */
  readonly backend?: Backend
}

/** Options that every forward pass takes. */
export interface RunOptions {
  /** Functions that read or replace tensors on the way, by hook-point pattern. */
  readonly hooks?: Hooks
  readonly signal?: AbortSignal
  /** Return the states between the layers. */
  readonly outputHiddenStates?: boolean
  /** Return the attention probabilities. */
  readonly outputAttentions?: boolean
}

/** A model that is built and loaded the same way in every family. */
export interface Model {
  /** Every place in the forward pass where a tensor can be read or replaced. */
  hookPoints(): readonly HookPoint[]
}

/** How a family builds one of its classes from config.json; weights are asked for here and read afterwards. */
export type Build<M extends Model> = (config: JsonObject, weights: Weights, generation: GenerationConfig) => M

/**
 * Reads config.json and the checkpoint of a folder into a model.
 * @throws FileError for a missing file, ConfigError for an unusable config, SafetensorsError for a broken file, WeightsError for
 * tensors that do not fit
 */
export async function loadModel<M extends Model>(
  location: FolderLike,
  build: Build<M>,
  { backend = referenceBackend(), ...options }: FromPretrainedOptions = {},
): Promise<M> {
  const folder = openFolder(location)
  const config = JsonObject.parse(
    await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path'),
    `${folder.name}/config.json`,
  )
  const generationText = await readText(folder, 'generation_config.json')
  const generationJson =
    generationText === undefined ? undefined : JsonObject.parse(generationText, `${folder.name}/generation_config.json`)
  const checkpoint = await openCheckpoint(folder)
  try {
    const weights = new Weights(checkpoint, backend)
    const model = build(config, weights, generationConfig(config, generationJson))
    await weights.load(options)
    return model
  } finally {
    await checkpoint.close()
  }
}

/** @throws ConfigError when config.json is of another family */
export function requireFamily(config: JsonObject, family: string): void {
  const got = config.string('model_type')
  if (got !== family) {
    throw new ConfigError(
      'wrong-family',
      `${config.where}: model_type is "${got}", this class loads "${family}"; AutoModel picks the class by itself`,
    )
  }
}

/** The caller's hooks and, behind them, a collector for the outputs that were asked for. */
export class RunGlass {
  readonly glass: Glass
  readonly #collected = new Map<string, Float>()

  constructor(model: Model, { hooks }: RunOptions, collect: readonly (readonly HookPoint[] | undefined)[]) {
    const wanted = new Set(collect.flatMap((points) => points ?? []).map(({ name }) => name))
    const user = hooks ? glassOf(hooks, model.hookPoints()) : CLEAR
    if (wanted.size === 0) {
      this.glass = user
      return
    }
    const collector: Glass = {
      watches: ({ name }) => wanted.has(name),
      show: async (point, tensor) => {
        if (wanted.has(point.name)) this.#collected.set(point.name, tensor)
        return tensor
      },
    }
    this.glass = hooks ? behind(user, collector) : collector
  }

  /** The collected tensors of these points, in their order; undefined when they were not asked for. */
  readonly take = (points: readonly HookPoint[] | undefined): readonly Float[] | undefined =>
    points?.map(({ name }) => this.#collected.get(name)!)
}
