/**
 * The steps of a tokenizer.json by which texts are changed and cut: its normalizer, pre-tokenizer and decoder, each one step or a sequence of
 * them. The library runs them as they are written, so what would run for ever, or make a gigabyte of a line, is refused here.
 */
import { ConfigError } from '../errors.js'
import { JsonObject, type Json } from '../files/json.js'
import { slowPattern } from './pattern.js'

const PARTS = ['normalizer', 'pre_tokenizer', 'decoder']
/** What the members of a sequence are called in each of the parts. */
const MEMBERS = ['normalizers', 'pretokenizers', 'decoders']
/** More steps than any tokenizer has. */
const MOST_STEPS = 100
/** Times that a text may grow by all steps of a part. */
const MOST_GROWTH = 1000

/** @throws ConfigError for steps that a text could not get through in a reasonable time */
export function checkSteps(tokenizer: JsonObject): void {
  for (const part of PARTS) {
    const steps = tokenizer.has(part) ? stepsOf(tokenizer.object(part)) : []
    if (steps.length > MOST_STEPS) throw unusable(tokenizer.object(part), `more than ${MOST_STEPS} steps`)
    steps.forEach(checkStep)
    if (steps.reduce((growth, step) => growth * growthOf(step), 1) > MOST_GROWTH) {
      throw unusable(tokenizer.object(part), `its steps make a text more than ${MOST_GROWTH} times as long`)
    }
  }
}

function stepsOf(step: JsonObject): JsonObject[] {
  const members = MEMBERS.flatMap((name): readonly Json[] => {
    const list = step.get(name)
    return Array.isArray(list) ? (list as readonly Json[]) : []
  })
  return [step, ...members.filter((one) => one !== null).flatMap((one) => stepsOf(new JsonObject(one, step.where)))]
}

function checkStep(step: JsonObject): void {
  if (step.get('type') === 'FixedLength') step.integer('length')
  const pattern = step.get('pattern') ?? null
  if (pattern === null || typeof pattern === 'string') return
  const expression = step.object('pattern').get('Regex')
  const slow = typeof expression === 'string' ? slowPattern(expression) : undefined
  if (slow !== undefined) throw unusable(step, `the pattern ${JSON.stringify(expression)} could take for ever: ${slow}`)
}

/** How many characters one of a text may become. */
function growthOf(step: JsonObject): number {
  switch (step.get('type')) {
    case 'Replace':
      return Math.max(1, lengthOf(step, 'content'))
    case 'Metaspace':
      return Math.max(1, lengthOf(step, 'replacement'))
    case 'ByteLevel': // a character for each byte
    case 'BPEDecoder':
      return 2
    default:
      return 1
  }
}

function lengthOf(step: JsonObject, field: string): number {
  const text = step.get(field)
  return typeof text === 'string' ? text.length : 0
}

function unusable(step: JsonObject, detail: string): ConfigError {
  return new ConfigError('unsupported-tokenizer', `${step.where}: ${detail}`)
}
