#!/usr/bin/env node
/**
 * The command line: picks the command, and turns errors into messages and exit codes (0 done, 1 failed, 2 called wrongly).
 */
import { createRequire } from 'node:module'
import { GlassformerError } from '../errors.js'
import { download, downloadSpec } from './download.js'
import { helpText, parseArguments, UsageError, type Arguments, type CommandSpec } from './arguments.js'
import { ask, askSpec } from './ask.js'
import { chat, chatSpec } from './chat.js'
import { convert, convertSpec } from './convert.js'
import { embed, embedSpec } from './embed.js'
import { explore, exploreSpec } from './explore.js'
import { generate, generateSpec } from './generate.js'
import { indexCorpus, indexSpec } from './index-corpus.js'
import { inspect, inspectSpec } from './inspect.js'
import { rerank, rerankSpec } from './rerank.js'
import { processTerminal, type Terminal } from './terminal.js'
import { serve, serveSpec } from './serve.js'
import { tokens, tokensSpec } from './tokens.js'
import { trace, traceSpec } from './trace.js'
import { verify, verifySpec } from './verify.js'

interface Command {
  readonly spec: CommandSpec
  readonly run: (args: Arguments, terminal: Terminal) => Promise<void>
}

const COMMANDS: readonly Command[] = [
  { spec: askSpec, run: ask },
  { spec: chatSpec, run: chat },
  { spec: traceSpec, run: trace },
  { spec: exploreSpec, run: explore },
  { spec: downloadSpec, run: download },
  { spec: verifySpec, run: verify },
  { spec: convertSpec, run: convert },
  { spec: indexSpec, run: indexCorpus },
  { spec: generateSpec, run: generate },
  { spec: embedSpec, run: embed },
  { spec: rerankSpec, run: rerank },
  { spec: inspectSpec, run: inspect },
  { spec: serveSpec, run: serve },
  { spec: tokensSpec, run: tokens },
]

function overview(): string {
  const rows = COMMANDS.map(({ spec }) => {
    const call = [spec.name, ...spec.positionals].join(' ')
    return `  ${call.padEnd(22)}  ${spec.summary}`
  })
  return `A transformer engine that you can see through, and a RAG pipeline made of it.\n\nUsage: glassformer COMMAND [options]\n\nCommands:\n${rows.join('\n')}\n\n"glassformer COMMAND --help" shows a command's options; --version the version.\n`
}

async function main(args: readonly string[], terminal: Terminal): Promise<void> {
  const [name, ...rest] = args
  if (name === '--help' || name === '-h') return terminal.print(overview().trimEnd())
  if (name === '--version') {
    const { version } = createRequire(import.meta.url)('glassformer/package.json') as { version: string }
    return terminal.print(version)
  }
  const command = COMMANDS.find(({ spec }) => spec.name === name)
  if (!command) throw new UsageError(name === undefined ? 'a command is missing' : `unknown command "${name}"`)
  const parsed = parseArguments(command.spec, rest)
  if (parsed.help) return terminal.print(helpText(command.spec).trimEnd())
  await command.run(parsed, terminal)
}

/** Commands that keep what they have done, or end what they run, before they stop. Any other is ended when it does not stop by itself. */
const WINDING_UP = ['index', 'serve', 'explore', 'chat']
/** Milliseconds that a command has after Ctrl-C. */
const LONGEST_STOP = 200

const controller = new AbortController()
process.once('SIGINT', () => {
  controller.abort()
  if (WINDING_UP.includes(process.argv[2])) return
  const end = () => {
    terminal.fail(`glassformer: ${process.argv[2]} was cancelled`)
    process.exit(1)
  }
  setTimeout(end, LONGEST_STOP).unref()
})
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0) // the reader of a pipe has seen enough
  throw error
})

const terminal = processTerminal(controller.signal)
try {
  await main(process.argv.slice(2), terminal)
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1
  if (error instanceof UsageError) {
    terminal.fail(`glassformer: ${error.message}\n"glassformer --help" shows how it is used`)
  } else if (error instanceof GlassformerError) terminal.fail(`glassformer: ${error.message}`)
  else terminal.fail(`glassformer: a defect in the program, please report it\n${(error as Error).stack}`)
}
