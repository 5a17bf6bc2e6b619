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
import { openFolder, subfolder } from '../files/folder.js'
import { CorpusError, SentenceEncoder, type IndexDType } from '../rag/index.js'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import { choice, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { nameOf } from './input-files.js'
import { openTarget, postgresOptions, postgresUrl } from './stores.js'
import type { Terminal } from './terminal.js'

export const indexSpec: CommandSpec = {
  name: 'index',
  positionals: ['PATH', '[PATH...]'],
  summary: 'Embeds the passages of files and folders and writes their index, or brings it up to date.',
  options: {
    out: { type: 'string', value: 'FILE', help: 'the index file to write (this or --store is required)' },
    ...postgresOptions,
    dtype: { type: 'string', value: 'DTYPE', help: 'float32 (default) or int8, a quarter of the size' },
    'max-tokens': { type: 'string', value: 'N', help: 'most tokens of a passage (default 128, at most 256)' },
    overlap: { type: 'string', value: 'N', help: 'sentences that a passage repeats of the one before (default 0)' },
  },
  details:
    `Files: ${EXTENSIONS.map((extension) => `.${extension}`).join(' ')}; - reads JSON lines from standard input. Records of JSON\n` +
    'and CSV have a "text" and may have an "id" and a "title"; their other fields are for "ask --filter". In folders, names that begin\n' +
    'with a dot and node_modules are left out. What has not changed since the last time is not embedded again, and what is gone is\n' +
    'taken out. After Ctrl-C the same command goes on where it was. Ask with: glassformer ask QUESTION --index FILE, or --store URL',
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
  const files = await filesOf(positionals)
  if (typeof out === 'string') {
    await access(dirname(out), constants.W_OK).catch((error: Error) => {
      throw new FileError('file-unwritable', `${out}: cannot be written (${error.message})`, { cause: error }) // now, and not after all is embedded
    })
  }
  const { signal } = terminal
  const encoder = await SentenceEncoder.fromPretrained(subfolder(openFolder(DEFAULT_WEIGHTS), 'all-MiniLM-L6-v2'), {
    signal,
  })
  try {
    const { dimension } = encoder
    const target = await openTarget(options, { encoder: await encoder.identity(), dimension, dtype })
    const { store } = target
    try {
      const report = await indexDocuments(files, encoder, store, {
        maxTokens,
        overlap,
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
      const { embedded, unchanged, removed } = report
      const changes = `${embedded} embedded, ${unchanged} unchanged, ${removed} removed`
      terminal.print(
        `${target.name}: ${passages} passages, ${dimension} dimensions, ${target.dtype}; documents: ${changes}`,
      )
    } finally {
      await target.suspend() // unless it is closed: an error keeps what is embedded for the next time
    }
  } finally {
    encoder.dispose()
  }
}

async function filesOf(paths: readonly string[]): Promise<readonly DocumentFile[]> {
  const files = await documentFiles(paths.filter((path) => path !== '-'))
  if (paths.includes('-')) {
    const bytes = await readStream(process.stdin)
    return [...files, { path: nameOf('-'), format: 'jsonl', open: async () => bytesSource(bytes, nameOf('-')) }]
  }
  if (files.length > 0) return files
  throw new CorpusError(
    'empty-corpus',
    `${paths.join(', ')}: there are no files that are read (${EXTENSIONS.join(', ')})`,
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
