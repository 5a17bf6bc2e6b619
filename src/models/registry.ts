/**
 * Every family in one table: a row says how config.json names the family and its classes, and how each is built. AutoModel
 * and the command line work from this table alone, so a new family is one file and one row.
 */
import { ConfigError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import { bertConfig, BertModel } from './bert.js'
import { loadModel, type Build, type FromPretrainedOptions, type Model } from './model.js'
import { T5EncoderModel, T5ForConditionalGeneration } from './t5.js'
import { t5Config } from './t5-config.js'

/** A model that turns token ids into a state for each token. */
export interface TextEncoder extends Model {
  forward: BertModel['forward'] | T5EncoderModel['forward']
}

export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string
  /** Classes by their name in `architectures`; the first is taken where config.json names none. */
  readonly classes: Readonly<Record<string, Build<Model>>>
  /** The class that sentence encoders use, without the parts that pooling does not need. */
  readonly textEncoder?: Build<TextEncoder>
}

export const FAMILIES: readonly Family[] = [
  {
    modelType: 'bert',
    classes: { BertModel: (json, weights) => new BertModel(bertConfig(json), weights) },
    textEncoder: (json, weights) => new BertModel(bertConfig(json), weights, { addPoolingLayer: false }),
  },
  {
    modelType: 't5',
    classes: {
      T5ForConditionalGeneration: (json, weights, generation) =>
        new T5ForConditionalGeneration(t5Config(json), weights, generation),
      T5EncoderModel: (json, weights) => new T5EncoderModel(t5Config(json), weights),
    },
    textEncoder: (json, weights) => new T5EncoderModel(t5Config(json), weights),
  },
]

/** @throws ConfigError for a family that is not in the table */
export function familyOf(config: JsonObject): Family {
  const modelType = config.string('model_type')
  const family = FAMILIES.find((row) => row.modelType === modelType)
  if (family) return family
  const known = FAMILIES.map((row) => row.modelType).join(', ')
  throw new ConfigError(
    'unknown-family',
    `${config.where}: model_type "${modelType}" is not supported; known: ${known}`,
  )
}

/** Name of the class that config.json asks for. @throws ConfigError for one that the family does not have */
export function classOf(config: JsonObject, family: Family): string {
  const names = Object.keys(family.classes)
  const architectures = config.get('architectures')
  const wanted = Array.isArray(architectures) ? String(architectures[0]) : names[0]
  if (names.includes(wanted)) return wanted
  throw new ConfigError(
    'unknown-class',
    `${config.where}: architecture "${wanted}" is not supported; known: ${names.join(', ')}`,
  )
}

/** Loads any supported checkpoint as the class that its config.json names. */
export const AutoModel = {
  fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Model> {
    const build: Build<Model> = (config, weights, generation) => {
      const family = familyOf(config)
      return family.classes[classOf(config, family)](config, weights, generation)
    }
    return loadModel(location, build, options)
  },
}
