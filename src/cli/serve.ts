/**
 * `glassformer serve`: answers questions over HTTP and serves the explorer's page, until Ctrl-C.
 */
import { GlassformerError } from '../errors.js'
import { positiveNumber, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { explorerPages } from './explorer-server.js'
import { checkPipelineOptions, openPassages, pipelineOptions } from './pipeline.js'
import { isLoopback } from './server/access.js'
import { DEFAULT_LIMITS, startAnswerServer } from './server/answer-server.js'
import { startAnswerWorker } from './server/answer-thread.js'
import { Answering } from './server/answering.js'
import { ServedPassages } from './server/served-passages.js'
import { counted, type Terminal } from './terminal.js'

const PORT = 4180
const LAST_PORT = 65_535
const HOST = '127.0.0.1'

export const serveSpec: CommandSpec = {
  name: 'serve',
  positionals: [],
  summary: 'Answers questions over HTTP, and serves the page of "explore".',
  options: {
    ...pipelineOptions,
    port: { type: 'string', value: 'N', help: `port to listen at, 0 for any that is free (default: ${PORT})` },
    host: { type: 'string', value: 'ADDRESS', help: `address to listen at (default: ${HOST}, this computer alone)` },
    timeout: {
      type: 'string',
      value: 'SECONDS',
      help: `longest time to an answer, the wait included (default: ${DEFAULT_LIMITS.seconds})`,
    },
    queue: {
      type: 'string',
      value: 'N',
      help: `most questions that wait while one is answered (default: ${DEFAULT_LIMITS.waiting})`,
    },
    'allow-origin': {
      type: 'string',
      value: 'ORIGIN',
      multiple: true,
      help: 'pages of this origin, such as https://example.org, may ask too',
    },
  },
  details:
    'POST /api/ask takes JSON {"question", "topK", "filter", "mode", "sources", "minProbability"}, of which only the question is needed, and answers\n' +
    'as "ask --json" does: "kind" is said, quoted or refused, "probability" that of being right, and each of "quotes.spans" has its place in the\n' +
    'file in "source". With Accept: text/event-stream the answer comes in events. POST /api/search takes {"question", "topK", "filter"} and gives the passages alone, with\n' +
    'rank and score of every stage of the search; GET /api/passages/ID gives one passage; GET /api/health tells whether all is well. Errors\n' +
    'are JSON {"code", "message"}. On the page, "Passages from" offers the index or store. Ctrl-C takes no further questions and ends when\n' +
    'those that it has are answered; once more, or SIGTERM, and it ends at once.\n' +
    'Example: curl localhost:4180/api/ask -H "Content-Type: application/json" -d \'{"question": "What is the capital of France?"}\'',
}

export async function serve(args: Arguments, terminal: Terminal): Promise<void> {
  const { options, lists } = args
  const { print, dim, fail, progress, signal } = terminal
  const port = wholeNumber('port', options.port, 0) ?? PORT
  if (port > LAST_PORT) throw new UsageError(`--port is "${port}", expected at most ${LAST_PORT}`)
  const host = typeof options.host === 'string' ? options.host : HOST
  const allowedOrigins = (lists['allow-origin'] ?? []).map(parseOrigin)
  const limits = {
    ...DEFAULT_LIMITS,
    seconds: positiveNumber('timeout', options.timeout, 86_400) ?? DEFAULT_LIMITS.seconds,
    waiting: wholeNumber('queue', options.queue, 0) ?? DEFAULT_LIMITS.waiting,
  }
  checkPipelineOptions(args)
  const pages = await explorerPages({ api: options.index !== undefined || options.store !== undefined })
  const onDefect = (error: unknown) => fail(`glassformer: a defect, please report it\n${(error as Error).stack}`)
  const onTrouble = (error: unknown) =>
    error instanceof GlassformerError ? fail(`glassformer: ${error.message}`) : onDefect(error)
  const passages = await ServedPassages.open(() => openPassages(options))
  let answers: Answering | undefined
  try {
    answers = await Answering.start({
      startWorker: () => startAnswerWorker(options),
      onProgress: progress,
      signal,
      onTrouble,
      onReplaced: () => void passages.reopen().catch(onTrouble),
    })
    const server = await startAnswerServer({ answers, passages, pages, host, port, allowedOrigins, limits, onDefect })
    const interrupted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve())
    })
    const terminated = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
    const count = counted(await passages.size(), 'passage')
    print(`Answering from the ${count} of ${answers.facts.corpus} at ${server.address}`)
    if (!isLoopback(host)) {
      fail('Whoever reaches this address can ask: there is no password. Put a server that asks for one in front.')
    }
    print(dim('Ctrl-C ends it.'))
    const stop = () => Promise.all([server.stop(), answers?.close()])
    await Promise.race([interrupted.then(() => server.drain()), terminated.then(stop)])
  } finally {
    await Promise.all([answers?.close(), passages.close()])
  }
}

/** As a browser sends it: without a path. */
function parseOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new UsageError(`--allow-origin is "${text}", expected an origin such as https://example.org`)
}
