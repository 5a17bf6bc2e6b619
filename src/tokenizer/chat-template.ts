/**
 * Chat templates: how a model wants a conversation written out. A checkpoint brings a Jinja template of its own, in chat_template.jinja
 * or as `chat_template` of tokenizer_config.json; @huggingface/jinja, loaded at the first use, renders it. The variables are those that
 * transformers gives: `messages`, `add_generation_prompt`, the special tokens, and what the caller adds.
 */
import { ConfigError, InputError } from '../errors.js'
import { JsonObject, type Json } from '../files/json.js'

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the template knows. */
  readonly role: string
  readonly content: string
}

export interface ChatTemplateOptions {
  /** End with the beginning of the assistant's answer, for the model to go on from. */
  readonly addGenerationPrompt?: boolean
  /** Name of one of several templates that a checkpoint has; `default` unless told. */
  readonly template?: string
  /** Further variables of the template, such as `enable_thinking`, `tools` or `documents`. */
  readonly variables?: Readonly<Record<string, Json>>
}

/** The special tokens that a template may write. */
const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']

const DEFAULT = 'default'

/** The templates of a checkpoint. */
export class ChatTemplates {
  /** Source by name. */
  readonly #sources: ReadonlyMap<string, string>
  readonly #specialTokens: Readonly<Record<string, string>>
  readonly #where: string

  /**
   * @param file content of chat_template.jinja, which goes before the template of tokenizer_config.json
   * @throws ConfigError for a `chat_template` that is neither a text nor a list of named texts
   */
  constructor(config: JsonObject | undefined, file?: string) {
    this.#where = file === undefined ? `${config?.where ?? 'the tokenizer'}: chat_template` : 'chat_template.jinja'
    this.#specialTokens = config ? specialTokens(config) : {}
    const sources = config ? configuredTemplates(config) : new Map<string, string>()
    this.#sources = file === undefined ? sources : sources.set(DEFAULT, file)
  }

  get names(): readonly string[] {
    return [...this.#sources.keys()]
  }

  /**
   * The conversation as one text.
   * @throws InputError when there is no such template, when a message is none, or when the template refuses the conversation;
   * ConfigError for a template that is not Jinja
   */
  async render(messages: readonly ChatMessage[], options: ChatTemplateOptions = {}): Promise<string> {
    const { addGenerationPrompt = false, template: name = DEFAULT, variables } = options
    const source = this.#sources.get(name)
    if (source === undefined) throw this.#missing(name)
    checkMessages(messages)
    const { Template } = await import('@huggingface/jinja')
    let template
    try {
      template = new Template(source)
    } catch (error) {
      const detail = (error as Error).message
      throw new ConfigError('bad-chat-template', `${this.#where}: cannot be parsed (${detail})`, { cause: error })
    }
    try {
      return template.render({
        ...this.#specialTokens,
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
      })
    } catch (error) {
      const detail = (error as Error).message
      throw new InputError('chat-refused', `${this.#where} does not take this conversation: ${detail}`, {
        cause: error,
      })
    }
  }

  #missing(name: string): InputError {
    if (this.#sources.size === 0) {
      return new InputError(
        'no-chat-template',
        'applyChatTemplate: this checkpoint has no chat template; encode() its prompts as plain text',
      )
    }
    const known = this.names.join(', ')
    return new InputError(
      'no-chat-template',
      `applyChatTemplate: this checkpoint has no template "${name}"; it has ${known}`,
    )
  }
}

function configuredTemplates(config: JsonObject): Map<string, string> {
  const value = config.get('chat_template') ?? null
  if (value === null) return new Map()
  if (typeof value === 'string') return new Map([[DEFAULT, value]])
  if (!Array.isArray(value)) {
    throw new ConfigError('config-type', `${config.where}: "chat_template" is neither a text nor a list of named texts`)
  }
  const entries = value.map((entry: Json) => new JsonObject(entry, `${config.where}: chat_template`))
  return new Map(entries.map((entry) => [entry.string('name'), entry.string('template')]))
}

/** A token is written as its text, or as an object with the text as `content`. */
function specialTokens(config: JsonObject): Record<string, string> {
  const entries = SPECIAL_TOKENS.flatMap((name): [string, string][] => {
    if (!config.has(name)) return []
    const value = config.get(name)
    return [[name, typeof value === 'string' ? value : config.object(name).string('content')]]
  })
  return Object.fromEntries(entries)
}

function checkMessages(messages: readonly ChatMessage[]): void {
  if (messages.length === 0) throw new InputError('no-messages', 'applyChatTemplate: there are no messages')
  const wrong = messages.findIndex(({ role, content }) => typeof role !== 'string' || typeof content !== 'string')
  if (wrong < 0) return
  throw new InputError(
    'bad-message',
    `applyChatTemplate: message ${wrong} is not { role, content }, both of them texts`,
  )
}
