/**
 * `glassformer index`: embeds the passages of files and writes their index, or brings it up to date.
 */
import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import { buffer as readStream } from 'node:stream/consumers'
import {
  documentFiles,
  DocumentError,
  EXTENSIONS,
  indexDocuments,
  type DocumentFile,
  type IndexingProgress,
} from '../documents/index.js'
import { FileError } from '../errors.js'
import { bytesSource } from '../files/byte-source.js'
import { CorpusError, type IndexDType } from '../rag/index.js'
import { choice, positiveNumber, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { encoderChoice, openEncoder, poolingOptions } from './encoder.js'
import { nameOf } from './input-files.js'
import { openTarget, postgresOptions, postgresUrl } from './stores.js'
import { counted, type Terminal } from './terminal.js'

export const indexSpec: CommandSpec = {
  name: 'index',
  positionals: ['PATH', '[PATH...]'],
  summary: 'Embeds the passages of files and folders and writes their index, or brings it up to date.',
  options: {
    out: { type: 'string', value: 'FILE', help: 'the index file to write (this or --store is required)' },
    ...postgresOptions,
    types: {
      type: 'string',
      value: 'LIST',
      help: 'in folders only such files, as in md,pdf (default: all that are read)',
    },
    encoder: {
      type: 'string',
      value: 'MODEL',
      help: 'what embeds: a sentence-transformers folder or org/name (default: that of the package)',
    },
    ...poolingOptions,
    dtype: { type: 'string', value: 'DTYPE', help: 'float32 (default) or int8, a quarter of the size' },
    'max-tokens': { type: 'string', value: 'N', help: 'most tokens of a passage (default 128, at most 256)' },
    overlap: { type: 'string', value: 'N', help: 'sentences that a passage repeats of the one before (default 0)' },
    'parse-seconds': {
      type: 'string',
      value: 'N',
      help: 'most seconds to parse a file; beyond, it is skipped (default 60)',
    },
    'parse-megabytes': {
      type: 'string',
      value: 'N',
      help: 'most memory to parse a file in MB; beyond, it is skipped (default 512)',
    },
  },
  details:
    `Files: ${EXTENSIONS.map((extension) => `.${extension}`).join(' ')}; - reads JSON lines from standard input. Records of JSON\n` +
    'and CSV have a "text" and may have an "id" and a "title"; their other fields are for "ask --filter". In folders, names that begin\n' +
    'with a dot (.git), node_modules and links to folders are left out. What has not changed since the last time is not embedded again, and what\n' +
    'is gone is taken out. A file that cannot be read is named and skipped; the exit code is 1 then. After Ctrl-C the same command goes on\n' +
    'where it was. The index remembers its encoder. Ask with: glassformer ask QUESTION --index FILE, or --store URL',
}

const DTYPES: readonly IndexDType[] = ['float32', 'int8']

export async function indexCorpus({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { out } = options
  const inDatabase = postgresUrl(options) !== undefined
  if (out === undefined && !inDatabase) throw new UsageError('--out FILE is missing')
  if (out !== undefined && inDatabase) throw new UsageError('--out and --store exclude each other')
  const dtype = choice('dtype', options.dtype, DTYPES)
  if (dtype !== undefined && inDatabase) throw new UsageError('--dtype is for --out; PostgreSQL keeps float32')
  const [maxTokens, overlap] = [
    wholeNumber('max-tokens', options['max-tokens']),
    wholeNumber('overlap', options.overlap, 0),
  ]
  const parseSeconds = positiveNumber('parse-seconds', options['parse-seconds'], 86_400)
  const parseMegabytes = wholeNumber('parse-megabytes', options['parse-megabytes'], 64)
  const chosen = encoderChoice(options)
  const files = await filesOf(positionals, typesOf(options.types))
  if (typeof out === 'string') {
    await access(dirname(out), constants.W_OK).catch((error: Error) => {
      throw new FileError('file-unwritable', `${out}: cannot be written (${error.message})`, { cause: error }) // now, and not after all is embedded
    })
  }
  const signal = AbortSignal.any([terminal.signal, terminated()])
  const { encoder, identity } = await openEncoder(chosen, terminal)
  try {
    const { dimension } = encoder
    const target = await openTarget(options, { encoder: identity, dimension, dtype })
    const { store } = target
    try {
      const report = await indexDocuments(files, encoder, store, {
        maxTokens,
        overlap,
        parseSeconds,
        parseMegabytes,
        signal,
        onProgress: showProgress(terminal),
      })
      for (const { error } of report.failures) if (files.length > 1) terminal.fail(`skipped: ${error.message}`)
      if (report.failures.length === files.length) throw noneReadable(report.failures)
      const passages = await store.size()
      if (passages === 0) {
        await target.discard()
        throw new CorpusError(
          'empty-corpus',
          `${positionals.map(nameOf).join(', ')}: there are no passages; give at least one`,
        )
      }
      await store.close()
      const { embedded, unchanged, removed, failures } = report
      const changes = `${embedded} embedded, ${unchanged} unchanged, ${removed} removed`
      const skipped = failures.length > 0 ? `; ${counted(failures.length, 'file')} skipped` : ''
      terminal.print(
        `${target.name}: ${counted(passages, 'passage')}, ${dimension} dimensions, ${target.dtype}; documents: ${changes}${skipped}`,
      )
      if (failures.length > 0) process.exitCode = 1
    } finally {
      await target.suspend() // unless it is closed: an error keeps what is embedded for the next time
    }
  } finally {
    encoder.dispose()
  }
}

/** Fires when the process is asked to end: what is embedded is kept, as after Ctrl-C. */
function terminated(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGTERM', () => controller.abort())
  return controller.signal
}

/** The ends of names that --types lists. */
function typesOf(list: string | boolean | undefined): readonly string[] {
  if (typeof list !== 'string') return EXTENSIONS
  const types = list.split(',').map((type) =>
    type
      .trim()
      .replace(/^\*?\./, '')
      .toLowerCase(),
  )
  const unknown = types.find((type) => !EXTENSIONS.includes(type))
  if (unknown === undefined) return types
  throw new UsageError(`--types: "${unknown}" is not read; expected some of ${EXTENSIONS.join(',')}`)
}

async function filesOf(paths: readonly string[], extensions: readonly string[]): Promise<readonly DocumentFile[]> {
  const files = await documentFiles(
    paths.filter((path) => path !== '-'),
    { extensions },
  )
  if (paths.includes('-')) {
    const bytes = await readStream(process.stdin)
    return [...files, { path: nameOf('-'), format: 'jsonl', open: async () => bytesSource(bytes, nameOf('-')) }]
  }
  if (files.length > 0) return files
  throw new CorpusError(
    'empty-corpus',
    `${paths.join(', ')}: there are no files that are read (${extensions.join(', ')})`,
  )
}

function noneReadable(failures: readonly { readonly error: Error }[]): Error {
  if (failures.length === 1) return failures[0].error
  return new DocumentError('none-readable', `none of the ${failures.length} files could be read`)
}

/** The bar with how much is done, and with an estimate of the time that is left: what is left takes as long as what is done. */
function showProgress({ progress }: Terminal): (state: IndexingProgress) => void {
  let begun: number | undefined
  return ({ step, done, total }) => {
    if (step === 'reading') return progress('reading', done, total)
    begun ??= performance.now()
    const seconds = ((performance.now() - begun) / 1000) * ((total - done) / done)
    const left = done > 0 && Number.isFinite(seconds) ? `, ${duration(seconds)} left` : ''
    progress('embedding', done, total, `${Math.floor((100 * done) / total)} %${left}`)
  }
}

/** `1:05:09`, `5:09`, `0:09` */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const [first, ...rest] = parts[0] > 0 ? parts : parts.slice(1)
  return [String(first), ...rest.map((part) => String(part).padStart(2, '0'))].join(':')
}
