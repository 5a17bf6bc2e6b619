/**
 * What the thread that parses answers, as it crosses to the other. The text of a page is crossed once, though each of its blocks leads to it: a copy for each
 * would make of a file of many headings many times as much.
 */
import { GlassformerError } from '../errors.js'
import type { Block, ParsedText } from './document.js'
import { parse, type ParseJob } from './parse.js'

interface CrossingBlock extends Omit<Block, 'text' | 'source'> {
  /** Undefined where it is the whole source. */
  readonly text: string | undefined
  /** Number of its source. */
  readonly source: number
}

interface CrossingText extends Omit<ParsedText, 'blocks'> {
  readonly blocks: readonly CrossingBlock[]
  readonly sources: readonly string[]
}

export type ParsedReply =
  | { readonly texts: readonly CrossingText[] }
  | { readonly failure: { readonly code: string; readonly message: string } }

/** Parses, and answers with the texts or with what is wrong. */
export async function replyTo(job: ParseJob): Promise<ParsedReply> {
  try {
    return { texts: (await parse(job)).map(pack) }
  } catch (error) {
    if (!(error instanceof GlassformerError)) throw error
    const { code, message } = error
    return { failure: { code, message } }
  }
}

function pack(parsed: ParsedText): CrossingText {
  const sources: string[] = []
  const blocks = parsed.blocks.map((block) => {
    const { text, source } = block
    if (sources.at(-1) !== source) sources.push(source)
    return { ...block, text: text === source ? undefined : text, source: sources.length - 1 }
  })
  return { ...parsed, blocks, sources }
}

export function unpack({ blocks, sources, ...rest }: CrossingText): ParsedText {
  return {
    ...rest,
    blocks: blocks.map((block) => {
      const source = sources[block.source]
      return { ...block, text: block.text ?? source, source }
    }),
  }
}
