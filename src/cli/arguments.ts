/**
 * Command-line arguments: what a command takes, its help, and errors for everything else.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** The command was called wrongly; the program exits with 2. */
export class UsageError extends Error {}

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  /** Name of the value, for help. */
  readonly value?: string
  readonly help: string
  /** Whether the option may be given more than once; its values are then in `lists`. */
  readonly multiple?: true
}

export interface CommandSpec {
  readonly name: string
  /** Names of the positional arguments. All are required, but for a last one like `[TEXT...]`, which may come any number of times. */
  readonly positionals: readonly string[]
  readonly summary: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Lines under the options. */
  readonly details?: string
}

export interface Arguments {
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** Values of the options that may be given more than once. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>
}

const HELP: OptionSpec = { type: 'boolean', help: 'show this help' }

/** @throws UsageError for unknown options, missing values, and too few or too many arguments */
export function parseArguments(spec: CommandSpec, args: readonly string[]): Arguments & { readonly help: boolean } {
  const options: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' } }
  for (const [name, { type, multiple }] of Object.entries(spec.options))
    options[name] = { type, multiple: multiple ?? false }
  let parsed
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
  const { positionals } = parsed
  const given = Object.entries(parsed.values as Record<string, string | boolean | string[]>)
  const lists = Object.fromEntries(given.filter((entry): entry is [string, string[]] => Array.isArray(entry[1])))
  const values = Object.fromEntries(
    given.filter((entry): entry is [string, string | boolean] => !Array.isArray(entry[1])),
  )
  const help = values.help === true
  const repeats = spec.positionals.at(-1)?.endsWith('...]') ?? false
  const required = spec.positionals.length - (repeats ? 1 : 0)
  if (!help && positionals.length < required) throw new UsageError(`${spec.positionals[positionals.length]} is missing`)
  if (!help && positionals.length > required && !repeats) {
    throw new UsageError(`unexpected argument "${positionals[required]}" (quote a text of several words)`)
  }
  return { positionals, options: values, lists, help }
}

/** The value of a whole-number option. @throws UsageError unless it is `least` (1 unless told) or more */
export function wholeNumber(name: string, value: string | boolean | undefined, least = 1): number | undefined {
  if (value === undefined) return undefined
  const number = toNumber(value)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new UsageError(`--${name} is "${value}", expected a whole number of ${least} or more`)
}

/** The value of an option that is a number above 0, and at most `most`. @throws UsageError for any other */
export function positiveNumber(name: string, value: string | boolean | undefined, most = Infinity): number | undefined {
  if (value === undefined) return undefined
  const number = toNumber(value)
  if (Number.isFinite(number) && number > 0 && number <= most) return number
  throw new UsageError(
    `--${name} is "${value}", expected a number above 0${most < Infinity ? `, at most ${most}` : ''}`,
  )
}

/** The value of an option that is a probability. @throws UsageError for any other */
export function probability(name: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = toNumber(value)
  if (number >= 0 && number <= 1) return number
  throw new UsageError(`--${name} is "${value}", expected a number from 0 to 1`)
}

/** The value of an option with a few choices. @throws UsageError for any other */
export function choice<T extends string>(
  name: string,
  value: string | boolean | undefined,
  choices: readonly T[],
): T | undefined {
  if (value === undefined || choices.includes(value as T)) return value as T | undefined
  throw new UsageError(`--${name} is "${value}", expected one of ${choices.join(', ')}`)
}

/** NaN for an empty text too, of which Number() makes 0. */
function toNumber(value: string | boolean): number {
  return String(value).trim() === '' ? NaN : Number(value)
}

export function helpText(spec: CommandSpec): string {
  const rows = Object.entries({ ...spec.options, help: HELP }).map(
    ([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ''}`, help] as const,
  )
  const width = Math.max(...rows.map(([left]) => left.length))
  const options = rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`).join('\n')
  const usage = ['glassformer', spec.name, ...spec.positionals, '[options]'].join(' ')
  return `${spec.summary}\n\nUsage: ${usage}\n\nOptions:\n${options}\n${spec.details ? `\n${spec.details}\n` : ''}`
}
