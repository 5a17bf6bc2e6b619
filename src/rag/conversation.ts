/**
 * A conversation with a decoder-only model: a question may lean on the one before it ("And how large is it?"). So passages are searched for
 * with both questions, the one before first, and the model sees what was said before. What it says comes from the passages of its last
 * question alone; those of earlier turns are not kept.
 */
import type { AskOptions, Rag } from './rag.js'
import type { PromptAnswer } from './reading/answer.js'
import type { PromptReader, Turn } from './reading/prompt-reader.js'

/** What a turn takes: as `Rag.ask`, but for what the conversation itself gives. */
export type ConversationOptions = Omit<AskOptions<PromptReader>, 'history' | 'query'>

export class Conversation {
  readonly #rag: Rag<PromptReader>
  #turns: readonly Turn[] = []

  constructor(rag: Rag<PromptReader>) {
    this.#rag = rag
  }

  /** What was said so far, oldest first. */
  get turns(): readonly Turn[] {
    return this.#turns
  }

  /**
   * Answers a question that follows the others. One that fails or is cancelled leaves no trace.
   * @throws InputError, CorpusError, AbortedError as `Rag.ask` does
   */
  async ask(question: string, options: ConversationOptions = {}): Promise<PromptAnswer> {
    const query = this.#query(question)
    const answer = await this.#rag.ask(question, { ...options, query, history: this.#turns })
    this.#turns = [...this.#turns, { question, answer: answer.text }]
    return answer
  }

  /** Begins anew. */
  forget(): void {
    this.#turns = []
  }

  /** The question before and this one, or this one alone where the encoder does not read as much. */
  #query(question: string): string {
    const { encoder } = this.#rag
    const before = this.#turns.at(-1)?.question
    const both = before === undefined ? question : `${before} ${question}`
    return encoder.fits(both) ? both : question
  }
}
