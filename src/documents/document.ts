/**
 * What is read out of a file: a title and blocks of text, each of which knows where in the file it stands.
 */
import { GlassformerError } from '../errors.js'
import type { DocumentStamp, Metadata } from '../rag/index.js'
import type { Span } from './mapped-text.js'

/** A stretch of text under one heading, and on one page. Paragraphs in it are parted by an empty line. */
export interface Block {
  readonly text: string
  /**
   * Where each part of the text stands in the file's text, in order; in a PDF, in the text of the page; in a
   * record, in its own text.
   */
  readonly spans: readonly Span[]
  /** The text that the spans lead to. */
  readonly source: string
  /** The headings above it, the outermost first. */
  readonly headingPath: readonly string[]
  /** Page of a PDF, from 1. */
  readonly page?: number
}

/** What a parser finds in a text. */
export interface ParsedText {
  readonly title?: string
  readonly blocks: readonly Block[]
  /** What it says of itself. */
  readonly metadata?: Metadata
  /** Of a file that holds many: its id, and about how many bytes of the file it takes up. */
  readonly record?: { readonly id: string; readonly size: number }
}

export interface Document {
  /** Path of the file; with `#` and the record's id behind it, for a record of a file that holds many. */
  readonly id: string
  /** Path of the file, as it was given. */
  readonly file: string
  /** Id of the record, in a file that holds many. */
  readonly record?: string
  /** What the file says it is called, else its name. */
  readonly title: string
  readonly blocks: readonly Block[]
  /** `file`, `format`, and the other fields of a record. */
  readonly metadata: Metadata
}

/** A document before it is parsed. The hash tells whether that is needed. */
export interface DocumentEntry extends DocumentStamp {
  /** About how many bytes of the file it takes up. */
  readonly size: number
  /** @throws DocumentError when its content is not what its name says */
  load(): Promise<Document>
}

/** A file that cannot be read as a document, or a parser that is not installed. */
export class DocumentError extends GlassformerError {}
