/**
 * Provenance: which words of what was read a token of the answer came from. The decoder's cross-attention says where it looked while it
 * wrote the token: here it is averaged over all heads and layers, tokens are merged into words, and the passages are weighed by their
 * posteriors. bench/provenance.ts measures how often the word so named is one that the token depends on.
 * In a page this is a file of its own, which is loaded when sources are first asked for, so it imports nothing but types.
 */
import type { Float } from '../../tensor/ops/index.js'
import type { Tokenizer, TextSpan } from '../../tokenizer/index.js'
import type { Hooks } from '../../trace/index.js'
import type { Source } from './answer.js'
import type { ReadablePassage, readerInput } from './reader-input.js'

/** Words with less weight are left out. */
const LEAST_WEIGHT = 0.01

/** A reader's way of putting a passage and the question, and of cutting them into tokens. */
export interface InputFormat {
  readonly tokenizer: Tokenizer
  readonly format: typeof readerInput
}

/** A word of what was read, in its field. */
export interface InputWord extends TextSpan {
  readonly field: Source['field']
}

/** What the reader read with one passage. */
export interface Input {
  readonly words: readonly InputWord[]
  /** For each token, the place of its word in `words`; -1 for punctuation and special tokens. */
  readonly wordOfToken: readonly number[]
}

export class Provenance {
  /** By passage. */
  readonly inputs: readonly Input[]

  private constructor(inputs: readonly Input[]) {
    this.inputs = inputs
  }

  /**
   * Knows the words that are read for these passages; undefined for a format that alters title, text or question.
   * @throws InputError for a tokenizer whose tokens cannot be placed in a text
   */
  static of(reader: InputFormat, passages: readonly ReadablePassage[], question: string): Provenance | undefined {
    const inputs = passages.map((passage) => inputOf(reader, passage, question))
    return inputs.every((input) => input !== undefined) ? new Provenance(inputs) : undefined
  }

  /** To watch the pass that scores an answer under all passages. */
  watch(): MeanCrossAttention {
    return new MeanCrossAttention()
  }

  /**
   * The words that a token of the answer came from, the weightiest first. Together they weigh at most 1: what is missing went to
   * punctuation, special tokens and words of less than a hundredth.
   * @param token its place in the answer that was scored under `attention`
   * @param posterior of each passage
   */
  sources(attention: MeanCrossAttention, token: number, posterior: readonly number[]): Source[] {
    const sources = new Map<string, Source>()
    this.inputs.forEach(({ words, wordOfToken }, passage) => {
      const shares = attention.of(passage, token)
      wordOfToken.forEach((at, i) => {
        if (at < 0) return
        const { field, start, end } = words[at]
        const origin = field === 'question' ? { field } : { field, passage }
        const key = Object.values({ ...origin, start }).join()
        const weight = (sources.get(key)?.weight ?? 0) + posterior[passage] * shares[i]
        sources.set(key, { ...origin, start, end, weight })
      })
    })
    return [...sources.values()].filter(({ weight }) => weight >= LEAST_WEIGHT).sort((a, b) => b.weight - a.weight)
  }
}

function inputOf({ tokenizer, format }: InputFormat, passage: ReadablePassage, question: string): Input | undefined {
  const input = format(passage, question)
  const words = fieldsOf(format, passage, question, input)?.flatMap(({ field, start, text }) =>
    wordSpans(text).map((span) => ({ field, ...span, from: start + span.start, to: start + span.end })),
  )
  if (!words) return undefined
  const wordOfToken = tokenizer
    .offsets(input)
    .map((token) => (token ? words.findIndex(({ from, to }) => token.start < to && from < token.end) : -1))
  return { words, wordOfToken }
}

/** Marks from the private-use area, which stand for the fields in the format's result. */
const MARKS = { title: '\ue000', text: '\ue001', question: '\ue002' } as const

interface FieldPlace {
  readonly field: Source['field']
  readonly text: string
  /** In the input. */
  readonly start: number
}

/** Where the format puts title, text and question: found by asking it for marks in their place. */
function fieldsOf(
  format: typeof readerInput,
  passage: ReadablePassage,
  question: string,
  input: string,
): readonly FieldPlace[] | undefined {
  const { title, text } = passage
  const marked = format({ ...passage, title: title === '' ? '' : MARKS.title, text: MARKS.text }, MARKS.question)
  const texts = { title, text, question }
  const fields: FieldPlace[] = []
  let filled = ''
  for (const part of marked.split(/([\ue000-\ue002])/)) {
    const field = (['title', 'text', 'question'] as const).find((field) => MARKS[field] === part)
    if (field) fields.push({ field, text: texts[field], start: filled.length })
    filled += field ? texts[field] : part
  }
  return spaced(filled) === spaced(input) ? fields : undefined
}

/** With a space for each white space: a format may put the one for the other, since nothing moves by that. */
function spaced(text: string): string {
  return text.replace(/\s/g, ' ')
}

let segmenter: Intl.Segmenter | undefined

/** The words of a text as Unicode divides it (UAX 29), which works without spaces too; numbers are words. */
export function wordSpans(text: string): TextSpan[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'word' })
  return Array.from(segmenter.segment(text))
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment, index }) => ({ start: index, end: index + segment.length }))
}

/** Cross-attention of one pass over an answer, averaged over heads and layers while it passes. */
export class MeanCrossAttention {
  #sum: Float32Array | undefined // [passages, tokens, source]
  #maps = 0
  #shape: readonly number[] = []

  /** To be run with. */
  readonly hooks: Hooks = {
    'decoder.*.cross_attention.probs': (probs: Float) => {
      const [passages, heads, tokens, source] = probs.shape
      const { data, offset } = probs.contiguous()
      const size = tokens * source
      this.#shape = [passages, tokens, source]
      this.#sum ??= new Float32Array(passages * size)
      this.#maps += heads
      for (let map = 0; map < passages * heads; map++) {
        const passage = Math.floor(map / heads)
        for (let i = 0; i < size; i++) this.#sum[passage * size + i] += data[offset + map * size + i]
      }
    },
  }

  /** Where a token of the answer looked in one passage's input. [source] */
  of(passage: number, token: number): number[] {
    const [, tokens, source] = this.#shape
    const start = (passage * tokens + token) * source
    return Array.from(this.#sum!.subarray(start, start + source), (sum) => sum / this.#maps)
  }
}
