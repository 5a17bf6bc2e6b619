import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConfigError, InputError } from '../../src/errors.js'
import { memoryFolder } from '../../src/files/folder.js'
import { AutoTokenizer, type ChatMessage, type Tokenizer } from '../../src/tokenizer/index.js'
import { goldenJson, goldenPath } from '../support/goldens.js'

const { chat_template: SMOLLM2, prompts } = goldenJson<{
  chat_template: string
  prompts: { messages: ChatMessage[]; text: string }[]
}>('real/smollm2/case.json')

/** A tokenizer with <|im_start|> and <|im_end|>, and these files beside it. */
function tokenizer(config: object, file?: string): Promise<Tokenizer> {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const files = new Map<string, Uint8Array>([
    ['tokenizer.json', new Uint8Array(readFileSync(goldenPath('tokenizers/bytelevel-bpe-split/tokenizer.json')))],
    ['tokenizer_config.json', bytes(JSON.stringify(config))],
  ])
  if (file !== undefined) files.set('chat_template.jinja', bytes(file))
  return AutoTokenizer.fromPretrained(memoryFolder(files))
}

const HELLO: ChatMessage = { role: 'user', content: 'Hello' }

describe('the chat template of SmolLM2', () => {
  test.each(prompts)('writes what transformers writes: $messages', async ({ messages, text }) => {
    const loaded = await tokenizer({ chat_template: SMOLLM2 })
    expect((await loaded.applyChatTemplate(messages, { addGenerationPrompt: true })).text).toBe(text)
  })

  test('ends with the messages where no answer is to follow', async () => {
    const { text } = await (await tokenizer({ chat_template: SMOLLM2 })).applyChatTemplate([HELLO])
    expect(text).toMatch(/<\|im_start\|>user\nHello<\|im_end\|>\n$/)
  })

  test('gives the tokens of its text and no others: special tokens are one id each', async () => {
    const loaded = await tokenizer({ chat_template: SMOLLM2 })
    const { text, ids, tokens } = await loaded.applyChatTemplate([HELLO], { addGenerationPrompt: true })
    expect(tokens.filter((token) => token.startsWith('<|'))).toEqual(text.match(/<\|\w+\|>/g))
    expect(loaded.decode(ids, { skipSpecialTokens: false })).toBe(text)
  })
})

describe('a template', () => {
  const render = async (loaded: Tokenizer, options?: Parameters<Tokenizer['applyChatTemplate']>[1]) =>
    (await loaded.applyChatTemplate([HELLO], options)).text

  test('in chat_template.jinja goes before that of tokenizer_config.json', async () => {
    expect(await render(await tokenizer({ chat_template: 'config' }, 'file'))).toBe('file')
  })
  test('may be one of several', async () => {
    const chat_template = [
      { name: 'default', template: 'plain' },
      { name: 'tool_use', template: 'tools: {{ tools | tojson }}' },
    ]
    const loaded = await tokenizer({ chat_template })
    expect(loaded.chatTemplates).toEqual(['default', 'tool_use'])
    expect(await render(loaded)).toBe('plain')
    expect(await render(loaded, { template: 'tool_use', variables: { tools: ['search'] } })).toBe('tools: ["search"]')
    const unknown = render(loaded, { template: 'rag' })
    await expect(unknown).rejects.toThrow('no template "rag"; it has default, tool_use')
  })
  test('knows the special tokens, however they are written down', async () => {
    const chat_template = '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}'
    const loaded = await tokenizer({ chat_template, bos_token: '<s>', eos_token: { content: '</s>' } })
    expect(await render(loaded)).toBe('<s>Hello</s>')
  })

  test.each<[string, object, readonly unknown[], string, string]>([
    ['no template', {}, [HELLO], 'no-chat-template', 'this checkpoint has no chat template'],
    ['no messages', { chat_template: 'x' }, [], 'no-messages', 'there are no messages'],
    ['a message without content', { chat_template: 'x' }, [HELLO, { role: 'user' }], 'bad-message', 'message 1 is not'],
    [
      'what the template refuses',
      { chat_template: "{{ raise_exception('no system role') }}" },
      [HELLO],
      'chat-refused',
      'chat_template does not take this conversation: no system role',
    ],
  ])('is not applied: %s', async (_name, config, messages, code, message) => {
    const applied = (await tokenizer(config)).applyChatTemplate(messages as ChatMessage[])
    await expect(applied).rejects.toBeInstanceOf(InputError)
    await expect(applied).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
  })
  test('that is no Jinja is an error of the checkpoint', async () => {
    const applied = (await tokenizer({ chat_template: '{% for %}' })).applyChatTemplate([HELLO])
    await expect(applied).rejects.toBeInstanceOf(ConfigError)
    await expect(applied).rejects.toMatchObject({ code: 'bad-chat-template' })
  })
  test.each([[3], [[3]], [[{ name: 'default' }]]])('of a wrong type is found at load: %j', async (chat_template) => {
    await expect(tokenizer({ chat_template })).rejects.toBeInstanceOf(ConfigError)
  })
})
