/**
 * A dropped model that cannot read passages, an encoder or a decoder alone: it reads a text, and shows where its tokens look.
 */
import { AutoModel, AutoTokenizer, InputError, record, type Folder, type Model, type Tokenizer } from 'glassformer'
import { rowMajor } from '../../src/tensor/ops/float.js'
import type { FromPretrainedOptions, RunOptions } from '../../src/models/model.js'
import type { AttentionMap, AttentionName, TextModelInfo } from '../protocol.js'
import { describeModel } from './describe.js'
import { textTokens } from './tokens.js'

/** Longer texts make maps that nobody can read. */
const MAX_TOKENS = 512

/** What all families' forward passes take. */
interface ForwardModel extends Model {
  forward(inputs: { readonly inputIds: readonly (readonly number[])[] }, options: RunOptions): Promise<unknown>
}

export class TextModel {
  readonly info: TextModelInfo
  readonly #model: ForwardModel
  readonly #tokenizer: Tokenizer

  private constructor(model: ForwardModel, tokenizer: Tokenizer, info: TextModelInfo) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.info = info
  }

  static async load(
    folder: Folder,
    named: Pick<TextModelInfo, 'name' | 'family' | 'parameters'>,
    options: FromPretrainedOptions,
  ): Promise<TextModel> {
    const tokenizer = await AutoTokenizer.fromPretrained(folder)
    const model = (await AutoModel.fromPretrained(folder, options)) as ForwardModel
    return new TextModel(model, tokenizer, describeModel(model, tokenizer, named))
  }

  /** @throws InputError for an unknown attention, an empty text or a longer one than is read */
  async map(text: string, attention: AttentionName, signal: AbortSignal): Promise<AttentionMap> {
    if (text.trim() === '') throw new InputError('empty-text', 'there is no text to read')
    if (!this.info.attentions.some(({ name }) => name === attention)) {
      throw new InputError('unknown-attention', `this model has no ${attention}`)
    }
    const { ids } = this.#tokenizer.encode(text, { maxLength: MAX_TOKENS })
    const run = (hooks: RunOptions['hooks']) => this.#model.forward({ inputIds: [ids] }, { hooks, signal })
    const { trace } = await record(run, [`${attention}.probs`])
    const probs = trace.get(`${attention}.probs`)![0].select(0, 0) // [heads, query, key]
    const tokens = textTokens(text, this.#tokenizer)
    return {
      attention,
      passage: 0,
      queries: tokens,
      keys: tokens,
      numHeads: probs.shape[0],
      probs: rowMajor(probs.copy()),
    }
  }

  dispose(): void {
    this.#model.dispose()
  }
}
