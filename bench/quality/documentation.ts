/**
 * The project's own documentation as a corpus: documents as people write them, with tables and code, which the reader was not made for. The
 * questions in documentation.json are written by hand; each names a file and words of the passage that answers it, so that they
 * survive another way of splitting.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SplitOptions } from '../../src/documents/index.js'
import type { FlatFileStore, Passage, SentenceEncoder } from '../../src/rag/index.js'
import type { QualityQuestion } from './ask-all.js'
import { indexFiles } from './index-files.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Content {
  readonly questions: readonly {
    readonly question: string
    /** Neither is there for a question that the documentation does not answer. */
    readonly file?: string
    readonly evidence?: string
    readonly answers: readonly string[]
  }[]
}

/**
 * Indexes the files that some questions are about into a new file at `path`, and opens that.
 * @throws GlassformerError when a file cannot be read
 */
export async function indexDocumentation(
  questions: readonly DocumentationQuestion[],
  encoder: SentenceEncoder,
  path: string,
  split: SplitOptions = {},
): Promise<FlatFileStore> {
  const files = new Set(questions.flatMap(({ file }) => file ?? []))
  return indexFiles(
    [...files].map((file) => join(ROOT, file)),
    encoder,
    path,
    split,
  )
}

export interface DocumentationQuestion extends QualityQuestion {
  /** Path of the file that answers it, from the root of the project. */
  readonly file: string | undefined
}

export async function documentationQuestions(): Promise<DocumentationQuestion[]> {
  const { questions } = await content()
  return questions.map(({ question, file, evidence, answers }) => ({
    question,
    answers,
    file,
    isRight:
      file !== undefined && evidence !== undefined
        ? ({ source, text }: Passage) =>
            source?.file === join(ROOT, file) && text.replace(/\s+/g, ' ').includes(evidence)
        : undefined,
  }))
}

async function content(): Promise<Content> {
  return JSON.parse(await readFile(new URL('documentation.json', import.meta.url), 'utf8')) as Content
}
