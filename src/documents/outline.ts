/**
 * Blocks of a document with headings, while it is walked through: text goes into the block under the latest heading.
 */
import type { Block } from './document.js'
import { TextBuilder } from './mapped-text.js'

/** Parts paragraphs, and keeps sentences from going on over a heading, a list item or a row of a table. */
const PARAGRAPH = '\n\n'
/** Most characters of a heading. A longer one is a text, and would be repeated in each passage under it. */
export const LONGEST_HEADING = 1000
/** Headings above a text. One that is further in is none. */
const DEEPEST = 20
/** Level of a heading that none replaces. */
const ABOVE_ALL = 0

export class Outline {
  readonly #blocks: Block[] = []
  readonly #builder = new TextBuilder()
  #headings: readonly { readonly level: number; readonly text: string }[] = []
  #pending = false
  #page: number | undefined
  #source: string

  /** @param source the text in which what is written here stands; of a document in pages, `page` gives it */
  constructor(source = '') {
    this.#source = source
  }

  /** Where the text of the paragraph goes that is being read. */
  get text(): TextBuilder {
    if (this.#pending && this.#builder.length > 0) this.#builder.insert(PARAGRAPH)
    this.#pending = false
    return this.#builder
  }

  /** Whether the paragraph has no text yet. */
  get atParagraph(): boolean {
    return this.#pending || this.#builder.length === 0
  }

  /** What comes next is a new paragraph. */
  paragraph(): void {
    this.#pending = true
  }

  /** What comes next stands under this heading, of level 1 to 6. */
  heading(level: number, text: string): void {
    this.#finish()
    this.#headings = [...this.#headings.filter((above) => above.level < level), { level, text }]
  }

  /** What is written meanwhile stands under a heading of its own, below those that are there. */
  under(text: string, write: () => void): void {
    if (this.#headings.length >= DEEPEST) return this.aside(write)
    this.aside(() => {
      this.#finish()
      this.#headings = [...this.#headings, { level: ABOVE_ALL, text }]
      write()
    })
  }

  /** Headings in what is written meanwhile do not hold for what comes behind it. */
  aside(write: () => void): void {
    const above = this.#headings
    write()
    if (this.#headings === above) return
    this.#finish()
    this.#headings = above
  }

  /** What comes next stands on this page, from 1, in its text. */
  page(number: number, source: string): void {
    this.#finish()
    this.#page = number
    this.#source = source
  }

  /** All blocks that have a text. */
  blocks(): readonly Block[] {
    this.#finish()
    return this.#blocks
  }

  #finish(): void {
    this.#pending = false
    const { text, spans } = this.#builder.take()
    if (text.trim() !== '') {
      const headingPath = this.#headings.map((heading) => heading.text)
      this.#blocks.push({ text, spans, source: this.#source, headingPath, page: this.#page })
    }
  }
}
