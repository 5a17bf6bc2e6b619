/**
 * A reader that is a decoder-only model, such as SmolLM2 or Qwen: all passages stand numbered in one prompt, in the form of the
 * checkpoint's chat template, and the model writes the answer. What does not fit into its context is left out, the worst first. What was
 * said before in a conversation takes the room that the passages leave. How sure the model was of its words says how likely they are right.
 */
import { InputError } from '../../errors.js'
import type { FolderLike } from '../../files/folder.js'
import type { GenerateOptions } from '../../generation/index.js'
import { openPretrained } from '../../hub/index.js'
import { AutoModelForCausalLM, type CausalLM, type FromPretrainedOptions } from '../../models/index.js'
import { write } from '../../models/write.js'
import { AutoTokenizer, type ChatMessage, type Tokenizer } from '../../tokenizer/index.js'
import { passageText, type Passage } from '../finding/corpus.js'
import { normalizeLog } from '../paper/marginalise.js'
import { ABSTENTION, type PromptAnswer, type PromptPassage } from './answer.js'
import { Calibration, calibrationOf, checkProbability } from './calibration.js'
import { checkpoint } from '../../event-loop.js'
import { requireTokens } from './require-tokens.js'
import type { PassageReader, WeighedPassage } from './passage-reader.js'
import { PROMPT_SIGNALS, promptSignals } from './signals.js'

/** Puts a question and its passages to a model. */
export type PromptFormat = (
  question: string,
  passages: readonly Pick<Passage, 'title' | 'text'>[],
) => readonly ChatMessage[]

/** The default: one message with the numbered passages, the task, and the question; small models do best in this order. */
export const promptMessages: PromptFormat = (question, passages) => {
  const numbered = passages.map((passage, i) => `[${i + 1}] ${passageText(passage)}`)
  const task = `Answer in one short sentence from the context only. If it does not tell, say "${ABSTENTION}"`
  return [{ role: 'user', content: `Context:\n${numbered.join('\n')}\n\n${task}\n\nQuestion: ${question}` }]
}

/** A question of a conversation, and what was answered. */
export interface Turn {
  readonly question: string
  readonly answer: string
}

export interface PromptReaderOptions extends FromPretrainedOptions {
  /** What the model is told; {@link promptMessages} unless given. */
  readonly format?: PromptFormat
  /** As {@link PromptReader.minProbability}. */
  readonly minProbability?: number
}

/** What a {@link PromptReader} is made with. */
export interface PromptReaderSettings extends Pick<PromptReaderOptions, 'format' | 'minProbability'> {
  readonly calibration?: Calibration
}

export interface PromptOptions {
  /** An answer that is right with less probability is not given; {@link PromptReader.minProbability} unless told. */
  readonly minProbability?: number
  /** Most tokens of an answer; 128 unless told. Room for them is kept in the context. */
  readonly maxNewTokens?: number
  /** How the answer is searched for or drawn; what the checkpoint says, unless told. */
  readonly generation?: Omit<GenerateOptions, 'maxNewTokens' | 'maxLength' | 'numReturnSequences'>
  /**
   * Called with each piece of the answer as it is written; pieces never split a character. What was given cannot be taken back: where
   * minProbability is above 0, the answer comes in one piece when it is known whether it is given.
   */
  readonly onText?: (piece: string) => void
  /**
   * Say how far each passage stands behind the answer: {@link PromptPassage.posterior}. False unless told, since every passage is then read once
   * more, by itself, after the answer is written.
   */
  readonly cite?: boolean
  /** What was said before, oldest first. The model sees the last turns, without their passages, as far as they fit beside the passages. */
  readonly history?: readonly Turn[]
}

/** Most tokens of an answer, unless told. */
const MOST_WRITTEN = 128
/** Most tokens of a prompt and its answer. */
const LONGEST_CONTEXT = 8192
/** Longer passages and turns are left out without counting their tokens. */
const CHARACTERS_PER_TOKEN = 8

export class PromptReader implements PassageReader<PromptOptions, PromptAnswer> {
  readonly model: CausalLM
  readonly tokenizer: Tokenizer
  /**
   * The least probability of being right of an answer that is given: in config.json `task_specific_params.rag.min_probability`, and 0 where it is
   * not there, since a model without a calibration there is taken at its word.
   */
  readonly minProbability: number
  /** Makes the probability of being right of what {@link promptSignals} says; from config.json. */
  readonly calibration: Calibration
  readonly optionNames = [
    'minProbability',
    'maxNewTokens',
    'generation',
    'onText',
    'cite',
    'history',
  ] satisfies (keyof PromptOptions)[]
  readonly #format: PromptFormat

  constructor(
    model: CausalLM,
    tokenizer: Tokenizer,
    { format = promptMessages, minProbability = 0, calibration = new Calibration() }: PromptReaderSettings = {},
  ) {
    checkProbability('minProbability', minProbability)
    this.model = model
    this.tokenizer = tokenizer
    this.minProbability = minProbability
    this.calibration = calibration
    this.#format = format
  }

  /** Loads the folder of a decoder-only model. Without a chat template, the messages are put as plain text that ends in `Answer:`. */
  static async fromPretrained(location: FolderLike, options: PromptReaderOptions = {}): Promise<PromptReader> {
    const { format, minProbability: given, ...loadOptions } = options
    checkProbability('minProbability', given ?? 0)
    const folder = await openPretrained(location, loadOptions)
    const own = await calibrationOf(folder, PROMPT_SIGNALS, 0)
    const tokenizer = await AutoTokenizer.fromPretrained(folder, loadOptions)
    return new PromptReader(await AutoModelForCausalLM.fromPretrained(folder, loadOptions), tokenizer, {
      format,
      minProbability: given ?? own.minProbability,
      calibration: own.calibration,
    })
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.model.dispose()
  }

  checkOptions({
    minProbability = 0,
    maxNewTokens = 1,
    generation = {},
    cite = false,
    history = [],
  }: PromptOptions): void {
    checkProbability('ask: minProbability', minProbability)
    if (typeof cite !== 'boolean') {
      throw new InputError('bad-option', `ask: cite is ${String(cite)}, expected true or false`)
    }
    if (!history.every(({ question, answer }) => typeof question === 'string' && typeof answer === 'string')) {
      throw new InputError('bad-option', 'ask: a turn of the history has no question or no answer, both are texts')
    }
    this.model.checkOptions({ ...generation, maxNewTokens })
  }

  /** @throws InputError for a question of more tokens than half of the room beside the answer */
  checkQuestion(question: string, { maxNewTokens = MOST_WRITTEN }: PromptOptions = {}): void {
    const room = this.#maxLength - maxNewTokens
    const most = Math.max(1, Math.floor(room / 2))
    requireTokens(this.tokenizer, question, most, `a prompt of ${room} tokens takes at most ${most} beside a passage`)
  }

  /** Tokens of a prompt together with what is written: what a pass costs grows with the square, so not all that some models could read. */
  get #maxLength(): number {
    return Math.min(this.model.maxLength, LONGEST_CONTEXT)
  }

  /** @throws InputError for a question that is too long and when no passage fits into the context, AbortedError */
  async answer(
    question: string,
    passages: readonly WeighedPassage[],
    options: PromptOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<PromptAnswer> {
    const { minProbability = this.minProbability, maxNewTokens = MOST_WRITTEN, generation, onText } = options
    const { cite = false, history = [], signal } = options
    const streams = minProbability === 0
    this.checkQuestion(question, options)
    const fitted = await this.#fit(question, passages, maxNewTokens, signal)
    const { read, leftOut } = fitted
    const { prompt, remembered } = await this.#remember(history, question, fitted, { maxNewTokens, signal })
    const { text, tokens, ended } = await write(
      this.model,
      this.tokenizer,
      { inputIds: [prompt.ids] },
      { tokenizer: this.tokenizer, ...generation, maxNewTokens, signal, onText: streams ? onText : undefined },
    )
    const written = text.trim()
    const answers = !DOES_NOT_KNOW.test(written)
    const probability = answers ? this.calibration.probability(promptSignals(written, tokens, question, read)) : 0
    const abstained = !answers || probability < minProbability
    const given = answers && abstained ? ABSTENTION : written
    if (!streams) onText?.(given)
    const ids = tokens.map(({ id }) => id)
    const posteriors = cite ? await this.#posteriors(question, read, ids, signal) : undefined
    return {
      question,
      text: given,
      mode: 'prompt',
      kind: abstained ? 'refused' : 'said',
      abstained,
      probability,
      written,
      prompt: prompt.text,
      logProb: tokens.reduce((sum, { logProb }) => sum + logProb, 0),
      ended,
      passages: read.map((passage, z) => ({ ...described(passage), ...(posteriors && { posterior: posteriors[z] }) })),
      leftOut: leftOut.map(described),
      forgotten: history.length - remembered,
      tokens,
    }
  }

  /** p(z|x, y) ∝ p(z|x) p(y|x, z): Bayes' rule as in RAG-Sequence, with each passage alone in the prompt. [passage] */
  async #posteriors(
    question: string,
    passages: readonly WeighedPassage[],
    written: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<number[]> {
    if (passages.length === 1) return [1]
    const joint: number[] = []
    for (const passage of passages) {
      const { ids } = await this.#prompt(question, [passage])
      const logProbs = await this.model.score(ids, written, { signal })
      joint.push(logProbs.reduce((sum, logProb) => sum + logProb, passage.logPrior))
    }
    return normalizeLog(joint).map(Math.exp)
  }

  /** Takes the passages in their order, each that still fits. */
  async #fit(
    question: string,
    passages: readonly WeighedPassage[],
    maxNewTokens: number,
    signal?: AbortSignal,
  ): Promise<Fitted> {
    const room = this.#maxLength - maxNewTokens
    let fitted: Omit<Fitted, 'leftOut'> | undefined
    let shortest = Infinity
    const leftOut: WeighedPassage[] = []
    for (const passage of passages) {
      await checkpoint(signal, 'the reading')
      if (passageText(passage).length > room * CHARACTERS_PER_TOKEN) {
        leftOut.push(passage)
        continue
      }
      const read: readonly WeighedPassage[] = [...(fitted?.read ?? []), passage]
      const prompt = await this.#prompt(question, read)
      if (prompt.ids.length <= room) fitted = { prompt, read }
      else leftOut.push(passage)
      shortest = Math.min(shortest, prompt.ids.length)
    }
    if (fitted) return { ...fitted, leftOut }
    const least = shortest === Infinity ? `more than ${room}` : shortest
    throw new InputError(
      'too-long',
      `ask: the prompt has ${least} tokens even with one passage, ${room} fit (${this.#maxLength} that the model reads, less maxNewTokens ${maxNewTokens}); give shorter passages or lower maxNewTokens`,
    )
  }

  /** Puts the last turns before the question, as many as there is room for. */
  async #remember(
    history: readonly Turn[],
    question: string,
    { prompt, read }: Omit<Fitted, 'leftOut'>,
    { maxNewTokens, signal }: { readonly maxNewTokens: number; readonly signal: AbortSignal | undefined },
  ): Promise<{ prompt: Prompt; remembered: number }> {
    const room = this.#maxLength - maxNewTokens
    for (let turns = 1; turns <= history.length; turns++) {
      await checkpoint(signal, 'the reading')
      const { question: asked, answer } = history[history.length - turns]
      if (asked.length + answer.length > room * CHARACTERS_PER_TOKEN) return { prompt, remembered: turns - 1 }
      const longer = await this.#prompt(question, read, history.slice(-turns))
      if (longer.ids.length > room) return { prompt, remembered: turns - 1 }
      prompt = longer
    }
    return { prompt, remembered: history.length }
  }

  async #prompt(question: string, passages: readonly WeighedPassage[], history: readonly Turn[] = []): Promise<Prompt> {
    const asked = this.#format(question, passages)
    const systems = asked.filter(({ role }) => role === 'system') // templates want them first
    const messages = [...systems, ...history.flatMap(turnMessages), ...asked.filter(({ role }) => role !== 'system')]
    if (this.tokenizer.chatTemplates.length > 0) {
      return this.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })
    }
    const lines = messages.map(({ role, content }) => (role === 'assistant' ? `Answer: ${content}` : content))
    const text = `${lines.join('\n\n')}\nAnswer:`
    return { text, ids: this.tokenizer.encode(text).ids }
  }
}

/** {@link ABSTENTION}, as models write it. */
const DOES_NOT_KNOW = /^i (?:don['’]t|do not) know\W*$/i

interface Prompt {
  readonly text: string
  readonly ids: number[]
}

interface Fitted {
  readonly prompt: Prompt
  readonly read: readonly WeighedPassage[]
  readonly leftOut: readonly WeighedPassage[]
}

function turnMessages({ question, answer }: Turn): ChatMessage[] {
  return [
    { role: 'user', content: `Question: ${question}` },
    { role: 'assistant', content: answer },
  ]
}

function described({ logPrior, ...passage }: WeighedPassage): PromptPassage {
  return { ...passage, prior: Math.exp(logPrior) }
}
