/**
 * The folders of test/goldens with a model of any family.
 */
import { readdirSync } from 'node:fs'
import { goldenPath } from '../support/goldens.js'

const FAMILIES = 'bert distilbert roberta mpnet dpr t5 bart gpt2 llama qwen2 qwen3 gemma3'.split(' ')
export const MODEL_CASES = FAMILIES.flatMap((family) =>
  readdirSync(goldenPath(family)).map((name) => `${family}/${name}`),
)
