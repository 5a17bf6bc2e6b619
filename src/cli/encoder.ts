/**
 * The encoder of a command: the one of the package, or another that an index is made by and remembers.
 */
import { AbortedError, GlassformerError, InputError } from '../errors.js'
import { openFolder, subfolder } from '../files/folder.js'
import { SentenceEncoder, type EncoderIdentity } from '../rag/index.js'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import { choice, UsageError, type Arguments, type OptionSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import type { LoadingTerminal } from './terminal.js'

/** For plain encoders, whose folder does not say how their states become a vector. */
export const poolingOptions: Readonly<Record<string, OptionSpec>> = {
  pooling: { type: 'string', value: 'MODE', help: 'mean or cls; needed where the encoder has no modules.json' },
  normalize: { type: 'boolean', help: 'with --pooling: scale vectors to length 1' },
}

export function poolingOf(options: Arguments['options']): { pooling?: 'mean' | 'cls'; normalize: boolean } {
  const pooling = choice('pooling', options.pooling, ['mean', 'cls'])
  const normalize = options.normalize === true
  if (normalize && !pooling) throw new UsageError('--normalize is for --pooling; modules.json says it otherwise')
  return { pooling, normalize }
}

/** A URL, or a folder of another machine. */
const ELSEWHERE = /^(\w+:\/\/|[\\/]{2})/

export interface EncoderChoice {
  /** Undefined for the encoder of the package. */
  readonly location: string | undefined
  readonly pooling: ReturnType<typeof poolingOf>
}

/** What --encoder, --pooling and --normalize say. @throws UsageError */
export function encoderChoice(options: Arguments['options']): EncoderChoice {
  const pooling = poolingOf(options)
  const location = typeof options.encoder === 'string' ? options.encoder : undefined
  if (location === undefined && pooling.pooling) throw new UsageError('--pooling is for --encoder')
  return { location, pooling }
}

/** The encoder, and what an index remembers of it. */
export async function openEncoder(
  { location, pooling }: EncoderChoice,
  terminal: LoadingTerminal,
): Promise<{ readonly encoder: SentenceEncoder; readonly identity: EncoderIdentity }> {
  const encoder = await SentenceEncoder.fromPretrained(
    location ?? subfolder(openFolder(DEFAULT_WEIGHTS), 'all-MiniLM-L6-v2'),
    {
      ...downloadOptions(terminal),
      ...pooling,
      onProgress: (done, total) => terminal.progress('encoder', done, total),
    },
  )
  try {
    return { encoder, identity: { ...(await encoder.identity()), location } }
  } catch (error) {
    encoder.dispose()
    throw error
  }
}

/**
 * The encoder of an index, unless it is that of the package: the one that --encoder names, or the one that the index remembers, which is looked
 * for on this machine alone: an index may come from anyone, and nothing is downloaded because it says so.
 * @throws InputError when it is not there any more
 */
export async function encoderOf(
  { name, location, pooling, normalize }: EncoderIdentity,
  given: string | undefined,
  terminal: LoadingTerminal,
): Promise<SentenceEncoder | undefined> {
  const onProgress = (done: number, total: number) => terminal.progress('encoder', done, total)
  const load = { ...downloadOptions(terminal), pooling, normalize, onProgress }
  if (given !== undefined) return SentenceEncoder.fromPretrained(given, load)
  if (location === undefined) return undefined
  const lost = (why: string, cause?: unknown) => {
    const made = `the index was made by ${name} of ${JSON.stringify(location)}`
    return new InputError('no-encoder', `${made}, ${why}; say where it is: --encoder FOLDER or org/name`, { cause })
  }
  if (ELSEWHERE.test(location)) throw lost('which is not on this machine')
  try {
    return await SentenceEncoder.fromPretrained(location, { ...load, localFilesOnly: true })
  } catch (error) {
    if (!(error instanceof GlassformerError) || error instanceof AbortedError) throw error
    throw lost(`which cannot be loaded (${error.message})`, error)
  }
}
