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
}

export interface CommandSpec {
  readonly name: string
  /** Names of the positional arguments; all are required. */
  readonly positionals: readonly string[]
  readonly summary: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Lines under the options. */
  readonly details?: string
}

export interface Arguments {
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

const HELP: OptionSpec = { type: 'boolean', help: 'show this help' }

/** @throws UsageError for unknown options, missing values, and too few or too many arguments */
export function parseArguments(spec: CommandSpec, args: readonly string[]): Arguments & { readonly help: boolean } {
  const options: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' } }
  for (const [name, { type }] of Object.entries(spec.options)) options[name] = { type }
  let parsed
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
  const { positionals, values } = parsed as Arguments & {
    positionals: string[]
    values: Record<string, string | boolean>
  }
  const help = values.help === true
  if (!help && positionals.length !== spec.positionals.length) {
    const missing = spec.positionals[positionals.length]
    throw new UsageError(
      missing
        ? `${missing} is missing`
        : `unexpected argument "${positionals[spec.positionals.length]}" (quote a text of several words)`,
    )
  }
  return { positionals, options: values, help }
}

/** The value of a whole-number option. @throws UsageError unless it is 1 or more */
export function wholeNumber(name: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UsageError(`--${name} is "${value}", expected a whole number of 1 or more`)
  return number
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
