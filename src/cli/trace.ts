/**
 * `glassformer trace`: the way of a question through retrieval, encoder, decoder and mixture, with what attention does at each place.
 */
import { InputError } from '../errors.js'
import { matchPoints } from '../trace/hooks.js'
import type { HookPoint } from '../trace/index.js'
import { choice, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { MODES, parseFilter } from './ask.js'
import { readPassages } from './input-files.js'
import { goesOn, hasKeys } from './keys.js'
import { checkPipelineOptions, filterOption, openPipeline, searchOptions } from './pipeline.js'
import type { Terminal } from './terminal.js'
import { ATTENTIONS, traceStages, type Stage } from './trace-stages.js'
import { jsonStage, shownStage } from './trace-view.js'

export const traceSpec: CommandSpec = {
  name: 'trace',
  positionals: ['QUESTION'],
  summary: 'Walks with a question through the pipeline and draws what attention does.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'answer from these passages; - reads standard input' },
    ...searchOptions,
    filter: filterOption,
    'top-k': { type: 'string', value: 'N', help: 'passages to read (default 5)' },
    mode: { type: 'string', value: 'MODE', help: 'conditioned (default), rag-sequence or rag-token' },
    reader: {
      type: 'string',
      value: 'FOLDER',
      help: 'the encoder-decoder that answers (default: that of the package)',
    },
    passage: {
      type: 'string',
      value: 'N',
      help: 'the passage to look at, by score (default: the one behind the answer)',
    },
    at: { type: 'string', value: 'HOOK', help: 'show only this hook point of the reader; * stands for any characters' },
    head: { type: 'string', value: 'N', help: 'one head, from 0 (default: the mean of all)' },
    step: { type: 'boolean', help: 'on a terminal, wait for a key after each stage: Enter goes on, q stops' },
    json: { type: 'boolean', help: 'print each stage as a line of JSON, with all heads' },
  },
  details:
    'Example: glassformer trace "What is the capital of France?" --at decoder.1.cross_attention.probs --head 0\n' +
    'Its steps are those of the worded answer, whether it is given or not; what could be quoted, and which of both is given, comes last.\n' +
    'Hook points are those of model.hookPoints(): encoder.0.self_attention.probs, decoder.1.cross_attention.q, …',
}

export async function trace(args: Arguments, terminal: Terminal): Promise<void> {
  const { positionals, options, lists } = args
  const { signal } = terminal
  const [question] = positionals
  const mode = choice('mode', options.mode, MODES)
  const topK = wholeNumber('top-k', options['top-k'])
  const passage = wholeNumber('passage', options.passage)
  const head = wholeNumber('head', options.head, 0)
  const at = typeof options.at === 'string' ? options.at : undefined
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const filter = lists.filter && parseFilter(lists.filter)
  checkPipelineOptions(args)
  const passages = typeof options.passages === 'string' ? await readPassages(options.passages) : undefined
  const pipeline = await openPipeline(options, terminal)
  try {
    if (pipeline.kind !== 'mixing') {
      const reader = pipeline.kind === 'prompt' ? 'a decoder-only model' : 'a question-answering model'
      throw new UsageError(`--reader is ${reader}; trace is for encoder-decoders`)
    }
    const { rag } = pipeline
    const points = at === undefined ? ATTENTIONS : [at]
    checkPoints(rag.reader.model.hookPoints(), points, head)
    const stages = traceStages(rag, question, { passages, filter, topK, mode, points, passage, head, signal })
    await show(stages, at !== undefined, options, terminal)
  } finally {
    await pipeline.close()
  }
}

/** Prints the stages, all of them or tensors alone; on a terminal with a stop after each, if that is wanted. */
async function show(
  stages: AsyncIterable<Stage>,
  tensorsOnly: boolean,
  { json, step }: Arguments['options'],
  terminal: Terminal,
): Promise<void> {
  const stops = step === true && hasKeys()
  if (stops) terminal.print(terminal.dim('Enter goes on, q stops.\n'))
  let isFirst = true
  for await (const stage of stages) {
    if (tensorsOnly && stage.stage !== 'tensor') continue
    if (stops && !isFirst && !(await goesOn(terminal.signal))) return
    terminal.print(json ? jsonStage(stage) : shownStage(stage, terminal))
    isFirst = false
  }
}

/** @throws UsageError for a pattern that matches nothing, naming what is spelled like it, and for a head that is not there */
function checkPoints(points: readonly HookPoint[], patterns: readonly string[], head: number | undefined): void {
  for (const pattern of patterns) {
    const matched = matching(pattern, points)
    if (head === undefined) continue
    const heads = Math.min(...matched.map(({ shape }) => (shape.length === 4 ? Number(shape[1]) : 0)))
    if (heads === 0) throw new UsageError(`--head: ${pattern} is not of single heads`)
    if (head >= heads) throw new UsageError(`--head is ${head}, ${pattern} has heads 0 to ${heads - 1}`)
  }
}

function matching(pattern: string, points: readonly HookPoint[]): readonly HookPoint[] {
  try {
    return matchPoints(pattern, points)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const near = points
      .map(({ name }) => ({ name, distance: editDistance(pattern, name) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 5)
    throw new UsageError(`--at: no hook point matches "${pattern}"; near: ${near.map(({ name }) => name).join(', ')}`, {
      cause: error,
    })
  }
}

/** Letters to insert, delete or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    above = row
  }
  return above[b.length]
}
