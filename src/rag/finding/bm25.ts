/**
 * Full-text search in memory by BM25+, for stores that have none of their own: the words and their statistics are minisearch's, an optional
 * peer that is loaded when it is first needed. Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019; Lv and Zhai 2011,
 * https://doi.org/10.1145/2063576.2063584.
 */
import type MiniSearch from 'minisearch'
import { InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import { passageText, type Passage } from './corpus.js'
import type { SearchHit, SearchOptions } from './flat-index.js'

/** Where passages are read from, some rows at a time. */
export interface PassageRows {
  readonly count: number
  passages(first: number, end: number): Promise<readonly Passage[]>
}

/** Rows that are read together. */
const BLOCK_ROWS = 1024

/** A passage as minisearch takes it. */
interface Row {
  readonly id: number
  readonly text: string
}

export class Bm25 {
  readonly #words: MiniSearch<Row>

  private constructor(words: MiniSearch<Row>) {
    this.#words = words
  }

  /** @throws InputError with the line that installs minisearch, AbortedError */
  static async build(rows: PassageRows, { signal }: Pick<SearchOptions, 'signal'> = {}): Promise<Bm25> {
    const { default: Words } = await loadMiniSearch()
    const words = new Words<Row>({ fields: ['text'] })
    for (let first = 0; first < rows.count; first += BLOCK_ROWS) {
      const block = await rows.passages(first, Math.min(first + BLOCK_ROWS, rows.count))
      for (const [i, passage] of block.entries()) {
        await checkpoint(signal, 'the reading of the words')
        words.add({ id: first + i, text: passageText(passage) })
      }
    }
    return new Bm25(words)
  }

  /**
   * The k rows whose words fit best, best first; equal scores keep the order of the rows. One word in common is enough. The score is the sum of
   * the BM25+ weights of the words, times their number, so that rows with more of the words come first.
   */
  search(question: string, k: number, { mask }: Pick<SearchOptions, 'mask'> = {}): SearchHit[] {
    const filter = mask && ((hit: { readonly id: number }) => mask[hit.id] !== 0)
    return this.#words
      .search(question, { filter })
      .map(({ id, score }) => ({ index: id as number, score }))
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, k)
  }
}

async function loadMiniSearch(): Promise<{ readonly default: typeof MiniSearch }> {
  try {
    return await import('minisearch')
  } catch (error) {
    throw new InputError(
      'package-missing',
      `searching a file for words needs the package minisearch, which cannot be loaded; install it: npm install minisearch (${(error as Error).message.split('\n')[0]})`,
      { cause: error },
    )
  }
}
