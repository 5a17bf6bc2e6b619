/**
 * Chapters of PostgreSQL's and Python's manuals as a corpus, as Debian's packages bring them: what people index. No reader was made for them, and
 * these chapters are kept out of the training of one. The questions in manuals.json are written by hand; evidence is words of the
 * passage that answers one, with single spaces, so that it survives another way of splitting. One half is for tuning, the other is only measured.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SplitOptions } from '../../src/documents/index.js'
import { GlassformerError } from '../../src/errors.js'
import type { FlatFileStore, Passage, SentenceEncoder } from '../../src/rag/index.js'
import type { QualityQuestion } from './ask-all.js'
import { indexFiles } from './index-files.js'

export type Manual = 'postgresql' | 'python'

export interface ManualQuestion extends QualityQuestion {
  readonly manual: Manual
  /** Path of the file that answers it, in the manual's folder. */
  readonly file: string | undefined
  /** `structure` where the answer stands in a table, a list or code, `paraphrase` where the question has other words than the text. */
  readonly kind: 'plain' | 'paraphrase' | 'structure' | 'unanswerable'
  readonly part: 'tuning' | 'held-out'
}

/** A manual that is not on this machine. */
export class ManualMissingError extends GlassformerError {}

interface Content {
  readonly questions: readonly (Pick<ManualQuestion, 'manual' | 'kind' | 'part' | 'answers'> & {
    readonly question: string
    /** Neither is there for a question that the chapters do not answer. */
    readonly file?: string
    readonly evidence?: string
  })[]
}

interface ManualPlace {
  /** Debian's package. */
  readonly installedBy: string
  readonly folder: string
  /** The chapters, by their paths in the folder. */
  readonly chapters: RegExp
}

export const MANUALS: Readonly<Record<Manual, ManualPlace>> = {
  postgresql: {
    installedBy: 'postgresql-doc-15',
    folder: '/usr/share/doc/postgresql-doc-15/html',
    chapters:
      /^((textsearch|backup|client-authentication|warm-standby|monitoring|indexes).*|(routine|auth)-.*|continuous-archiving|maintenance|logfile-maintenance|high-availability|hot-standby|app-pgdump|app-pgrestore|ddl-partitioning|sql-createindex)\.html$/,
  },
  python: {
    installedBy: 'python3-doc',
    folder: '/usr/share/doc/python3.11/html',
    chapters:
      /^(library\/(argparse|sqlite3|pathlib|json|csv|subprocess|zipfile|tempfile|configparser)|howto\/logging|tutorial\/(venv|errors))\.html$/,
  },
}

/**
 * Paths of the chapters of both manuals.
 * @throws ManualMissingError when a manual is not installed
 */
export async function manualChapters(): Promise<string[]> {
  const chapters: string[] = []
  const missing: ManualPlace[] = []
  for (const manual of Object.values(MANUALS)) {
    const files = await readdir(manual.folder, { recursive: true }).catch(() => [])
    const found = files.filter((file) => manual.chapters.test(file)).sort()
    if (found.length === 0) missing.push(manual)
    chapters.push(...found.map((file) => join(manual.folder, file)))
  }
  if (missing.length === 0) return chapters
  const packages = missing.map(({ installedBy }) => installedBy).join(' ')
  const folders = missing.map(({ folder }) => folder).join(' and ')
  throw new ManualMissingError(
    'manual-missing',
    `no manual in ${folders}; on Debian 12 they are installed by: apt-get install ${packages}`,
  )
}

/**
 * Indexes the chapters into a new file at `path`, and opens that.
 * @throws ManualMissingError when a manual is not installed
 */
export async function indexManuals(
  encoder: SentenceEncoder,
  path: string,
  split: SplitOptions = {},
): Promise<FlatFileStore> {
  return indexFiles(await manualChapters(), encoder, path, split)
}

/** @param part all questions unless told */
export async function manualQuestions(part?: ManualQuestion['part']): Promise<ManualQuestion[]> {
  const { questions } = await content()
  return questions
    .filter((question) => part === undefined || question.part === part)
    .map(({ question, answers, manual, file, kind, part, evidence }) => ({
      question,
      answers,
      manual,
      file,
      kind,
      part,
      isRight:
        file !== undefined && evidence !== undefined
          ? ({ source, text }: Passage) =>
              source?.file === join(MANUALS[manual].folder, file) && text.replace(/\s+/g, ' ').includes(evidence)
          : undefined,
    }))
}

async function content(): Promise<Content> {
  return JSON.parse(await readFile(new URL('manuals.json', import.meta.url), 'utf8')) as Content
}
