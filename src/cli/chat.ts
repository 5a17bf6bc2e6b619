/**
 * `glassformer chat`: a conversation about the passages, line by line, on a terminal or from a pipe. A decoder-only model sees what was said
 * before; an encoder-decoder reads one passage and one question at a time, so there each question stands for itself.
 */
import { createInterface } from 'node:readline'
import { AbortedError, GlassformerError } from '../errors.js'
import { Conversation, type Filter } from '../rag/index.js'
import { describe, describePrompt, parseFilter, writing } from './ask.js'
import { UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { checkPipelineOptions, filterOption, openPipeline, pipelineOptions, type Pipeline } from './pipeline.js'
import type { Terminal } from './terminal.js'

export const chatSpec: CommandSpec = {
  name: 'chat',
  positionals: [],
  summary: 'Holds a conversation: each line is a question, answered from the passages that fit it best.',
  options: {
    ...pipelineOptions,
    filter: filterOption,
    'top-k': { type: 'string', value: 'N', help: 'passages to read for each question (default 5)' },
    'max-new-tokens': { type: 'string', value: 'N', help: 'most tokens of an answer' },
    show: { type: 'boolean', help: 'show each passage whole, with score and rank of each stage of the search' },
  },
  details:
    'With --reader and a decoder-only model, such as a Llama, questions may lean on what was said before: passages are searched for with the\n' +
    'question and the one before it, and the model sees as many of the last turns as fit beside the passages. Other readers answer\n' +
    'each question by itself. /new forgets what was said, /quit ends, and Ctrl-C ends an answer, or at the prompt the program.\n' +
    'Lines may come from a pipe.',
}

interface TurnOptions {
  readonly filter: Filter | undefined
  readonly topK: number | undefined
  readonly maxNewTokens: number | undefined
}

export async function chat(args: Arguments, terminal: Terminal): Promise<void> {
  const { options, lists } = args
  const { print, dim } = terminal
  const turnOptions = {
    filter: lists.filter && parseFilter(lists.filter),
    topK: wholeNumber('top-k', options['top-k']),
    maxNewTokens: wholeNumber('max-new-tokens', options['max-new-tokens']),
  }
  checkPipelineOptions(args)
  const pipeline = await openPipeline(options, terminal)
  try {
    const answering = answerer(pipeline, turnOptions, options.show === true, terminal)
    if (pipeline.kind !== 'prompt')
      print(dim('This reader answers each question by itself: it does not see what was said before.'))
    await converse(answering, terminal)
  } finally {
    await pipeline.close()
  }
}

interface Answerer {
  answer(question: string, signal: AbortSignal): Promise<void>
  forget(): void
}

function answerer(pipeline: Pipeline, options: TurnOptions, show: boolean, terminal: Terminal): Answerer {
  const { print, dim } = terminal
  const forget = () => {} // where nothing is remembered
  const asking = { ...options, minProbability: pipeline.minProbability }
  if (pipeline.kind === 'mixing') {
    const { rag } = pipeline
    return {
      answer: async (question, signal) =>
        print(describe(await rag.ask(question, { ...asking, signal }), show, terminal)),
      forget,
    }
  }
  if (pipeline.kind === 'quoting') {
    const { rag } = pipeline
    const { maxNewTokens, ...asked } = asking
    if (maxNewTokens !== undefined)
      throw new UsageError('--max-new-tokens is for readers that write, and this one quotes')
    return {
      answer: async (question, signal) =>
        print(describe(await rag.ask(question, { ...asked, signal }), show, terminal)),
      forget,
    }
  }
  const conversation = new Conversation(pipeline.rag)
  return {
    answer: async (question, signal) => {
      const answer = await writing((onText) => conversation.ask(question, { ...asking, onText, signal }), terminal)
      print(describePrompt(answer, show, terminal))
      const { forgotten } = answer
      if (forgotten > 0)
        print(dim(`Without the first ${forgotten === 1 ? 'turn' : `${forgotten} turns`}, for which there is no room.`))
    },
    forget: () => conversation.forget(),
  }
}

/** Reads lines and answers them, one after the other. Lines that come during an answer wait. */
async function converse({ answer, forget }: Answerer, { print, fail }: Terminal): Promise<void> {
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
  const lines = createInterface({
    input: process.stdin,
    output: interactive ? process.stdout : undefined,
    prompt: '> ',
  })
  let turn: AbortController | undefined
  const interrupt = () => (turn ? turn.abort() : lines.close())
  process.on('SIGINT', interrupt)
  lines.on('SIGINT', interrupt) // a terminal in raw mode sends no signal
  try {
    if (interactive) lines.prompt()
    for await (const line of lines) {
      const question = line.trim()
      if (question === '/quit') break
      if (question === '/new') forget()
      else if (question.startsWith('/')) fail(`There is no ${question}; there are /new and /quit.`)
      else if (question !== '') {
        turn = new AbortController()
        try {
          await answer(question, turn.signal)
        } catch (error) {
          if (!(error instanceof GlassformerError)) throw error
          fail(`glassformer: ${error.message}`)
          if (!interactive && !(error instanceof AbortedError)) process.exitCode = 1
        }
        turn = undefined
        print('')
      }
      if (interactive) lines.prompt()
    }
  } finally {
    lines.close()
    process.off('SIGINT', interrupt)
  }
}
