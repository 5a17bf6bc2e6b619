/**
 * The recorded generations of every family that is here, with their options in our words.
 */
import { existsSync, readdirSync } from 'node:fs'
import type { GenerateOptions } from '../../src/generation/index.js'
import { FAMILIES } from '../../src/models/index.js'
import { goldenCase, goldenJson, goldenPath, type GoldenGeneration } from './goldens.js'

export interface GenerationCase extends GoldenGeneration {
  readonly options: GenerateOptions
}

/** transformers' arguments as ours. `use_cache` changes how it computes and not what. */
export function toOptions(args: Readonly<Record<string, unknown>>): GenerateOptions {
  const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const entries = Object.entries(args).filter(([key]) => key !== 'use_cache' && key !== 'n_docs')
  return Object.fromEntries(entries.map(([key, value]) => [camel(key), value]))
}

/** Folders under test/goldens with recorded generations of a family in the registry. */
export function generationFolders(): string[] {
  const families = readdirSync(goldenPath('.'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const folders = families.flatMap(({ name }) => readdirSync(goldenPath(name)).map((part) => `${name}/${part}`))
  return folders.filter((folder) => {
    if (!existsSync(goldenPath(folder, 'config.json')) || !existsSync(goldenPath(folder, 'case.json'))) return false
    const { model_type: modelType } = goldenJson<{ model_type: string }>(folder, 'config.json')
    return FAMILIES.some((family) => family.modelType === modelType) && goldenCase(folder).generate !== undefined
  })
}

export function generationCases(folder: string): readonly GenerationCase[] {
  return goldenCase(folder).generate!.map((generation) => ({ ...generation, options: toOptions(generation.args) }))
}
