/**
 * One text from one input, as a person reads it: in pieces while it is written, and then whole with its tokens.
 */
import { TextStreamer, type TextDecoder } from '../generation/index.js'
import type { GenerativeModel, GenerativeOptions } from './generative.js'

export interface WriteOptions extends GenerativeOptions {
  /** Called with each piece of the text as soon as it is certain; a beam search gives the whole at its end. Pieces never split a character. */
  readonly onText?: (piece: string) => void
}

export interface WrittenToken {
  readonly id: number
  /** What the token adds to the text; '' for special tokens and inside a character. The parts join to the text. */
  readonly text: string
  /** ln p(token|what came before), under the distribution that it was taken from. */
  readonly logProb: number
}

export interface Written {
  readonly text: string
  readonly tokens: readonly WrittenToken[]
  /** Whether the model came to an end by itself: false where the limit of tokens cut it off. */
  readonly ended: boolean
}

/** Writes the best text, or one sample, for a single input. */
export async function write<Inputs>(
  model: GenerativeModel<Inputs>,
  tokenizer: TextDecoder,
  inputs: Inputs,
  { onText, ...given }: WriteOptions,
): Promise<Written> {
  const options: GenerativeOptions = { ...given, numReturnSequences: 1 }
  const settings = { ...model.generationConfig.options, ...definedOf(given) }
  const ids: number[] = []
  const logProbs: number[] = []
  if ((settings.numBeams ?? 1) > 1) {
    const { sequences, logProbs: found } = await model.generate(inputs, options)
    logProbs.push(...found[0])
    ids.push(...sequences[0].slice(-logProbs.length))
  } else {
    const streamer = new TextStreamer(tokenizer)
    const give = (piece: string) => piece !== '' && onText?.(piece)
    for await (const step of model.stream(inputs, options)) {
      ids.push(step.tokens[0])
      logProbs.push(step.logProbs[0])
      give(streamer.put(step.tokens[0]))
    }
    give(streamer.end())
  }
  const text = tokenizer.decode(ids)
  if ((settings.numBeams ?? 1) > 1 && text !== '') onText?.(text)
  const ends = [given.eosTokenId ?? model.generationConfig.eosTokenIds].flat()
  const texts = tokenTexts(ids, tokenizer)
  return {
    text,
    tokens: ids.map((id, i) => ({ id, text: texts[i], logProb: logProbs[i] })),
    ended:
      ends.includes(ids.at(-1) ?? -1) ||
      (settings.stopStrings !== undefined && endsWithAny(text, settings.stopStrings)),
  }
}

/** The part of the text that each token adds: bytes of one character may come from several tokens, and the last of them gets it. */
export function tokenTexts(ids: readonly number[], tokenizer: TextDecoder): string[] {
  let before = ''
  return ids.map((_, t) => {
    const upTo = tokenizer.decode(ids.slice(0, t + 1))
    const incomplete = upTo.endsWith('\ufffd') && t < ids.length - 1
    const text = incomplete ? '' : upTo.slice(before.length)
    if (!incomplete) before = upTo
    return text
  })
}

function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** The token that completes a stop string may bring more than it. */
function endsWithAny(text: string, stopStrings: string | readonly string[]): boolean {
  return [stopStrings].flat().some((stop) => text.includes(stop))
}
