/**
 * Fuzzes a target: keeps a process at it, ends it where it hangs, and gathers what it finds.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PREFIX_BYTES, type ChildMessage, type Counts } from './child-message.js'
import type { Target } from './target.js'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))
/** Milliseconds between looks at how far a process is. */
const LOOK_EVERY = 100
/** Seconds that a process may take to begin. */
const STARTS_WITHIN = 180
/** Where the time of a processor is known, that is what an input may take; it may wait for this many times as long, since a machine does other things too. */
const MAY_WAIT = 6
/** Findings with the same cause are told once; after so many others a run of a target ends. */
const MOST_FINDINGS = 20

export interface Finding {
  readonly target: string
  readonly seed: number
  /** `untyped error`, `long message`, `memory`, `hang`, `died`, `unhandled rejection` */
  readonly what: string
  readonly detail: string
  /** Where the input was written. */
  readonly path: string
}

export interface FuzzResult extends Counts {
  readonly seconds: number
  readonly findings: readonly Finding[]
}

export interface FuzzOptions {
  readonly seconds: number
  readonly seed: number
  /** Where the inputs of findings go. */
  readonly folder: string
  /** Only read these files. */
  readonly rerun?: readonly string[]
}

export async function fuzz(target: Pick<Target, 'name' | 'seconds'>, options: FuzzOptions): Promise<FuzzResult> {
  const { folder, rerun = [] } = options
  const findings = new Map<string, Finding>()
  const sum = { inputs: 0, refused: 0, kept: 0, blocks: 0 }
  const work = mkdtempSync(join(tmpdir(), 'glassformer-fuzz-'))
  const inputFile = join(work, 'input')
  let spent = 0
  try {
    for (let round = 0; round === 0 || (spent < options.seconds && rerun.length === 0); round++) {
      const seed = options.seed + round // another one after a hang, which the same would come to again
      const note = (what: string, detail: string, input: Uint8Array) => {
        const cause = `${what} ${causeOf(detail)}`
        if (findings.has(cause)) return
        mkdirSync(folder, { recursive: true })
        const hash = createHash('sha256').update(input).digest('hex').slice(0, 12)
        const path = join(folder, `${target.name}-${hash}`)
        writeFileSync(path, input)
        findings.set(cause, { target: target.name, seed, what, detail, path })
      }
      const run = await runChild({ target, seed, inputFile, rerun, seconds: options.seconds - spent, note })
      spent += Math.max(1, run.seconds) // a process that ends at once has taken its time too
      for (const key of ['inputs', 'refused', 'kept'] as const) sum[key] += run.counts[key]
      sum.blocks = Math.max(sum.blocks, run.counts.blocks)
      if (findings.size >= MOST_FINDINGS) break
    }
  } finally {
    rmSync(work, { recursive: true })
  }
  return { ...sum, seconds: spent, findings: [...findings.values()] }
}

/** The error without its numbers, and the first place of ours: what tells one cause from another. */
function causeOf(detail: string): string {
  const [first, ...lines] = detail.split('\n')
  const place = lines.find((line) => /\/src\//.test(line)) ?? ''
  return `${first.slice(0, 40).replace(/\d+/g, '#')} ${place.trim()}`
}

interface ChildRun {
  readonly target: Pick<Target, 'name' | 'seconds'>
  readonly seed: number
  readonly inputFile: string
  readonly rerun: readonly string[]
  readonly seconds: number
  readonly note: (what: string, detail: string, input: Uint8Array) => void
}

/** A process from its beginning to its end: by a hang, by itself, or since the time is over, which counts from its first input. */
function runChild({
  target,
  seed,
  inputFile,
  rerun,
  seconds,
  note,
}: ChildRun): Promise<{ counts: Counts; seconds: number }> {
  writeFileSync(inputFile, '')
  const child = fork(CHILD, [target.name, String(seed), inputFile, ...rerun], {
    execArgv: ['--max-old-space-size=1024', '--import', import.meta.resolve('tsx')],
    detached: process.platform !== 'win32', // its own children end with it
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const started = performance.now()
  let counts: Counts = { inputs: 0, refused: 0, kept: 0, blocks: 0 }
  let begun: number | undefined
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)))
  child.on('message', (message: ChildMessage) => {
    if (message.kind === 'counts') counts = message.counts
    else note(message.what, message.detail, Buffer.from(message.input, 'base64'))
  })
  return new Promise((resolve) => {
    let at = { number: 0, since: started, processor: 0 }
    let isOver = false
    const end = () => {
      isOver = true
      endProcesses(child)
    }
    const timer = setInterval(() => {
      const now = performance.now()
      const { number, input } = currentInput(inputFile)
      const processor = processorSeconds(child)
      if (number !== at.number) at = { number, since: now, processor: processor ?? 0 }
      if (number > 0) begun ??= now
      if (begun !== undefined && rerun.length === 0 && now - begun > seconds * 1000 && now - at.since < 1000)
        return end()
      const waited = (now - at.since) / 1000
      const used = processor === undefined ? waited : processor - at.processor
      const limit = processor === undefined ? target.seconds : MAY_WAIT * target.seconds
      if (number === 0 ? waited < STARTS_WITHIN : used < target.seconds && waited < limit) return
      note('hang', `no end after ${waited.toFixed(0)} s, ${used.toFixed(0)} s of them at work`, input)
      end()
    }, LOOK_EVERY)
    child.on('exit', (code, signal) => {
      clearInterval(timer)
      if (!isOver && !(code === 0 && rerun.length > 0)) {
        note('died', `the process ended with ${code ?? signal}\n${stderr}`, currentInput(inputFile).input)
      }
      endProcesses(child)
      counts = { ...counts, inputs: Math.max(counts.inputs, currentInput(inputFile).number) } // what was read since the last message
      resolve({ counts, seconds: (performance.now() - (begun ?? started)) / 1000 })
    })
  })
}

function currentInput(file: string): { number: number; input: Uint8Array } {
  const bytes = readFileSync(file)
  if (bytes.length < PREFIX_BYTES) return { number: 0, input: new Uint8Array(0) }
  const length = bytes.readUInt32LE(4)
  return { number: bytes.readUInt32LE(0), input: bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length) }
}

/** What all threads of a process have used, where the system tells (proc(5): fields 14 and 15 of stat, in hundredths). */
function processorSeconds({ pid }: ChildProcess): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}

/** Ends a process, and what it started. */
function endProcesses({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}
