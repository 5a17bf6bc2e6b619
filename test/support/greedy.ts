/**
 * The recorded generations that greedy search alone makes, and their options in our words.
 */
import type { GenerateOptions } from '../../src/generation/index.js'
import { goldenCase, type GoldenGeneration } from './goldens.js'

/** Options of greedy goldens and ours. */
const OPTION: Readonly<Record<string, keyof GenerateOptions>> = {
  max_new_tokens: 'maxNewTokens',
  max_length: 'maxLength',
  min_new_tokens: 'minNewTokens',
  min_length: 'minLength',
}

export interface GreedyCase extends GoldenGeneration {
  readonly options: GenerateOptions
}

export function greedyCases(folder: string): readonly GreedyCase[] {
  const isGreedy = ({ args }: GoldenGeneration) =>
    Object.keys(args).every((key) => key in OPTION || (key === 'use_cache' && args[key] === false))
  return goldenCase(folder)
    .generate!.filter(isGreedy)
    .map((generation) => {
      const args = Object.entries(generation.args).filter(([key]) => key in OPTION)
      return { ...generation, options: Object.fromEntries(args.map(([key, value]) => [OPTION[key], value])) }
    })
}
