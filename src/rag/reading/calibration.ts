/**
 * The probability of being right: a logistic regression over what a reader knows when it has an answer. Its weights are learnt on questions
 * whose answers are known (bench/rag-quality.ts) and stand in the model's config.json:
 *
 *     "task_specific_params": { "rag": { "min_probability": 0.4, "calibration": { "bias": -1.2, "score": 0.3, … } } }
 */
import { ConfigError, InputError } from '../../errors.js'
import { requireText, type Folder } from '../../files/folder.js'
import { JsonObject } from '../../files/json.js'

/** What is known of an answer, by name. */
export type Signals = Readonly<Record<string, number>>

export class Calibration {
  readonly bias: number
  readonly weights: ReadonlyMap<string, number>

  /** Without weights, the share that a span has in its softmax is taken at its word. */
  constructor(bias = 0, weights: ReadonlyMap<string, number> = new Map([['logit', 1]])) {
    this.bias = bias
    this.weights = weights
  }

  /** p(right) = 1 / (1 + e^-logOdds). @throws as `logOdds` */
  probability(signals: Signals): number {
    return 1 / (1 + Math.exp(-this.logOdds(signals)))
  }

  /** bias + Σ weight x signal. @throws ConfigError for a weight of an unknown signal */
  logOdds(signals: Signals): number {
    let sum = this.bias
    for (const [name, weight] of this.weights) {
      const signal = signals[name] as number | undefined
      if (signal === undefined) {
        const known = Object.keys(signals).join(', ')
        throw new ConfigError('unknown-signal', `a calibration has the signal "${name}"; known are ${known}`)
      }
      sum += weight * signal
    }
    return sum
  }
}

/** How sure answers are, and how sure one has to be that is given. */
interface StoredCalibration {
  readonly calibration: Calibration
  readonly minProbability: number
}

/**
 * What a model's config.json says about its answers.
 * @param known names of the signals that the reader gives
 * @param otherwise the least probability where config.json says none
 * @throws ConfigError
 */
export async function calibrationOf(
  folder: Folder,
  known: readonly string[],
  otherwise: number,
): Promise<StoredCalibration> {
  return calibrationIn(await answerSettings(folder), known, otherwise)
}

/** As {@link calibrationOf}, from what {@link answerSettings} has read. */
export function calibrationIn(settings: JsonObject, known: readonly string[], otherwise: number): StoredCalibration {
  return {
    calibration: settings.has('calibration')
      ? storedCalibration(settings.object('calibration'), known)
      : new Calibration(),
    minProbability: storedProbability(settings, 'min_probability', otherwise),
  }
}

/** The part of a model's config.json that is about answers; an empty one where there is none. @throws ConfigError */
export async function answerSettings(folder: Folder): Promise<JsonObject> {
  const text = await requireText(folder, 'config.json', 'describes the model')
  let settings = JsonObject.parse(text, `${folder.name}/config.json`)
  for (const key of ['task_specific_params', 'rag']) {
    settings = settings.has(key) ? settings.object(key) : new JsonObject({}, `${settings.where}: ${key}`)
  }
  return settings
}

/** `{ "bias": …, "name of a signal": weight, … }`. @throws ConfigError for what is no number, and for a signal that is not known */
export function storedCalibration(stored: JsonObject, known: readonly string[]): Calibration {
  const names = stored.keys().filter((name) => name !== 'bias')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const detail = `unknown signal ${JSON.stringify(unknown)}; known: ${known.join(', ')}`
    throw new ConfigError('unknown-signal', `${stored.where}: ${detail}`)
  }
  return new Calibration(stored.number('bias'), new Map(names.map((name) => [name, stored.number(name)])))
}

/** @throws ConfigError unless it is a number from 0 to 1 */
export function storedProbability(stored: JsonObject, name: string, otherwise?: number): number {
  const value = stored.number(name, otherwise)
  if (value >= 0 && value <= 1) return value
  throw new ConfigError('config-type', `${stored.where}: "${name}" is ${value}, expected a number from 0 to 1`)
}

/** @throws InputError unless it is a number from 0 to 1 */
export function checkProbability(name: string, value: number): void {
  if (value >= 0 && value <= 1) return
  throw new InputError('bad-option', `${name} is ${value}, expected a number from 0 to 1`)
}
