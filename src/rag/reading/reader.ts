/**
 * The reader: an encoder-decoder that answers a question from one passage. All passages of a question form a batch: they are read once, each
 * writes its own answer, and any text can be scored under each of them.
 */
import { InputError } from '../../errors.js'
import type { FolderLike } from '../../files/folder.js'
import { openPretrained } from '../../hub/index.js'
import { checkpoint } from '../../event-loop.js'
import type { StepOptions } from '../../models/generative.js'
import { AutoModelForSeq2SeqLM, type FromPretrainedOptions, type Seq2SeqLM } from '../../models/index.js'
import { AutoTokenizer, type Tokenizer } from '../../tokenizer/index.js'
import type { HooksLike } from '../../trace/index.js'
import type { Answer, RagMode } from './answer.js'
import { Calibration, calibrationOf, checkProbability } from './calibration.js'
import { marginalAnswer, type Proposal } from './marginal-answer.js'
import type { PassageReader, ReadingContext, WeighedPassage } from './passage-reader.js'
import type { Provenance } from './provenance.js'
import { fittedInput, readerInput, type ReadablePassage } from './reader-input.js'
import { Reading, type AnswersOptions } from './reading.js'
import { requireTokens } from './require-tokens.js'
import { PROPOSAL_SIGNALS, proposalSignals } from './signals.js'

export interface ReadOptions extends Pick<AnswersOptions, 'onText'> {
  /**
   * How passages are mixed into one answer. `rag-sequence` and `rag-token` are the two models of Lewis et al. 2020. `conditioned`,
   * the default, is RAG-Sequence in which a passage that does not hold the answer loses its say.
   */
  readonly mode?: RagMode
  /**
   * In the mode `conditioned`, an answer that is right with less probability is not given. Unless told, {@link Reader.minProbability}; with 0
   * every answer is given that some passage seems to hold.
   */
  readonly minProbability?: number
  /** Most tokens of an answer; 40 unless told. */
  readonly maxNewTokens?: number
  /** Functions that read or replace tensors in every pass over the reader's model, by hook-point pattern. Row z is that of passage z. */
  readonly hooks?: HooksLike
  /** Say for each token of the answer which words it came from: {@link AnswerToken.sources}. False unless told. */
  readonly sources?: boolean
}

/** What a {@link Reader} is made with. */
export interface ReaderSettings extends Pick<ReaderFromPretrainedOptions, 'format' | 'minProbability'> {
  readonly calibration?: Calibration
}

const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

export interface ReaderFromPretrainedOptions extends FromPretrainedOptions {
  /** How a passage and the question are put to the model; {@link readerInput} unless told. */
  readonly format?: typeof readerInput
  /** As {@link Reader.minProbability}. */
  readonly minProbability?: number
}

export class Reader implements PassageReader<ReadOptions, Answer> {
  readonly model: Seq2SeqLM
  readonly tokenizer: Tokenizer
  /**
   * The least probability of being right of an answer that is given: in config.json `task_specific_params.rag.min_probability`, and 0 where it is
   * not there. A model without a calibration there is taken at its word: what it makes up is unlikely to itself.
   */
  readonly minProbability: number
  /** Makes the probability of being right of what {@link proposalSignals} says; from config.json. */
  readonly calibration: Calibration
  readonly optionNames: readonly (keyof ReadOptions)[] = [
    'mode',
    'minProbability',
    'maxNewTokens',
    'sources',
    'hooks',
    'onText',
  ]
  /** How a passage and the question are put to the model. */
  readonly format: typeof readerInput

  constructor(
    model: Seq2SeqLM,
    tokenizer: Tokenizer,
    { format = readerInput, minProbability = 0, calibration = new Calibration() }: ReaderSettings = {},
  ) {
    checkProbability('minProbability', minProbability)
    this.model = model
    this.tokenizer = tokenizer
    this.minProbability = minProbability
    this.calibration = calibration
    this.format = format
  }

  /** Loads the folder of an encoder-decoder: a T5 or a BART. */
  static async fromPretrained(location: FolderLike, options: ReaderFromPretrainedOptions = {}): Promise<Reader> {
    const { format, minProbability: given, ...loadOptions } = options
    checkProbability('minProbability', given ?? 0)
    const folder = await openPretrained(location, loadOptions)
    const own = await calibrationOf(folder, PROPOSAL_SIGNALS, 0)
    const minProbability = given ?? own.minProbability
    const tokenizer = await AutoTokenizer.fromPretrained(folder, loadOptions)
    return new Reader(await AutoModelForSeq2SeqLM.fromPretrained(folder, loadOptions), tokenizer, {
      format,
      minProbability,
      calibration: own.calibration,
    })
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.model.dispose()
  }

  checkOptions({ mode = 'conditioned', minProbability = 0, maxNewTokens = 1, sources = false }: ReadOptions): void {
    checkProbability('ask: minProbability', minProbability)
    if (typeof sources !== 'boolean') {
      throw new InputError('bad-option', `ask: sources is ${String(sources)}, expected true or false`)
    }
    if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1) {
      throw new InputError('bad-option', `ask: maxNewTokens is ${maxNewTokens}, expected a whole number of 1 or more`)
    }
    if (MODES.includes(mode)) return
    throw new InputError('bad-option', `ask: mode is "${mode}", expected one of ${MODES.join(', ')}`)
  }

  /**
   * A question has at most half of the tokens that the model reads.
   * @throws InputError for a longer one
   */
  checkQuestion(question: string): void {
    this.#requireRoom(question)
  }

  /** One answer from all passages. @throws InputError for a question that is too long, AbortedError */
  async answer(
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & ReadingContext = {},
  ): Promise<Answer> {
    const { hooks, signal } = options
    return this.answerFrom(await this.read(question, passages, { hooks, signal }), question, passages, options)
  }

  /** As {@link answer}, from the reading of the question with these passages. */
  async answerFrom(
    reading: Reading,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & ReadingContext = {},
  ): Promise<Answer> {
    const { minProbability = this.minProbability } = options
    let probability = 0
    const answer = await this.weigh(reading, question, passages, options, (proposal) => {
      probability = this.calibration.probability(proposalSignals(proposal, passages))
      return probability >= minProbability
    })
    return { ...answer, probability: answer.mode === 'conditioned' ? probability : Math.exp(answer.logProb) }
  }

  /** The answer of all passages. @param accept whether an answer is given, in the mode `conditioned` */
  protected async weigh(
    reading: Reading,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & Pick<AnswersOptions, 'signal' | 'words' | 'mayAbstain'>,
    accept: (proposal: Proposal) => boolean,
  ): Promise<Omit<Answer, 'probability'>> {
    const { mode = 'conditioned', maxNewTokens = 40, sources = false, hooks, onText, signal } = options
    const { words, mayAbstain } = options
    const { tokenizer } = this
    const read = passages.map((passage, z) => ({ ...passage, text: passage.text.slice(0, reading.readTo[z]) }))
    const provenance = sources ? await this.#provenance(question, read) : undefined
    return marginalAnswer(
      { question, passages, reading, tokenizer, provenance },
      { mode, accept, maxNewTokens, hooks, onText, signal, words, mayAbstain },
    )
  }

  async #provenance(question: string, passages: readonly ReadablePassage[]): Promise<Provenance> {
    const { Provenance } = await import('./provenance.js')
    const provenance = Provenance.of({ tokenizer: this.tokenizer, format: this.format }, passages, question)
    if (provenance) return provenance
    throw new InputError(
      'unplaceable-format',
      "ask: sources cannot be found, since the reader's format does not put title, text and question as they are; change it or leave sources out",
    )
  }

  #requireRoom(question: string): void {
    const { maxLength } = this.model
    const most = Math.floor(maxLength / 2)
    requireTokens(
      this.tokenizer,
      question,
      most,
      `a reader of ${maxLength} tokens takes at most ${most} beside a passage`,
    )
  }

  /** Reads the question with each passage, as much of it as fits beside the question. @throws as {@link answer} */
  async read(
    question: string,
    passages: readonly ReadablePassage[],
    { hooks, signal }: StepOptions = {},
  ): Promise<Reading> {
    this.#requireRoom(question)
    const fitted: ReturnType<typeof fittedInput>[] = []
    for (const passage of passages) {
      await checkpoint(signal, 'the reading')
      fitted.push(fittedInput(passage, question, { ...this, maxLength: this.model.maxLength }))
    }
    const { inputIds, attentionMask } = await this.tokenizer.encodeEach(
      fitted.map(({ input }) => input),
      { signal },
    )
    const encoded = await this.model.encode({ inputIds, attentionMask }, { hooks, signal })
    return new Reading(
      this,
      encoded,
      inputIds.map((row, i) => row.slice(0, attentionMask[i].filter((bit) => bit === 1).length)),
      fitted.map(({ readTo }) => readTo),
    )
  }
}
