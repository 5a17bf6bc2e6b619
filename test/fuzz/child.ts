/**
 * Fuzzes one target in a process that can be ended: `child.ts NAME SEED INPUT_FILE [RERUN...]`. Each input is written to INPUT_FILE before it is
 * read, with its number, so that whoever ends this process knows at what it was. With files to rerun, it reads these and ends.
 */
import { openSync, readdirSync, readFileSync, writeSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Random } from '../../bench/random.js'
import { GlassformerError } from '../../src/errors.js'
import { PREFIX_BYTES, type ChildMessage } from './child-message.js'
import { Coverage } from './coverage.js'
import { PLANTED } from './planted.js'
import type { Reading, Target } from './target.js'
import { TARGETS } from './targets.js'

const LONGEST_MESSAGE = 1000
const MOST_KEPT = 1000
/** Inputs between two looks at what was reached, and milliseconds at most. */
const BATCH = 50
const COUNT_EVERY = 200

const [name, seed, inputFile, ...rerun] = process.argv.slice(2)
const target = [...TARGETS, ...PLANTED].find((row) => row.name === name)!
const file = openSync(inputFile, 'w')
const say = (message: ChildMessage) => process.send!(message)

/** Files of the repository that once were findings, or are good seeds. */
function corpusOf({ name }: Target): Uint8Array[] {
  const folder = fileURLToPath(new URL(`corpus/${name}/`, import.meta.url))
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((entry) => new Uint8Array(readFileSync(folder + entry)))
}

let [inputs, refused, kept] = [0, 0, 0]

/** Reads an input; what it should not have done is said. */
async function tryInput(reading: Reading, input: Uint8Array): Promise<void> {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32LE(++inputs, 0)
  prefix.writeUInt32LE(input.length, 4)
  writeSync(file, Buffer.concat([prefix, input]), 0, PREFIX_BYTES + input.length, 0)
  const report = (what: string, detail: string) =>
    say({ kind: 'finding', what, detail, input: Buffer.from(input).toString('base64') })
  const { rss } = process.memoryUsage()
  const { maxRSS } = process.resourceUsage()
  try {
    await reading.read(input.slice())
  } catch (error) {
    refused++
    if (!(error instanceof GlassformerError)) report('untyped error', (error as Error).stack ?? String(error))
    else if (error.message.length > LONGEST_MESSAGE) report('long message', `${error.message.length} characters`)
  }
  const most = process.resourceUsage().maxRSS
  const grown = (most * 1024 - rss) / 2 ** 20
  if (most > maxRSS && grown > target.megabytes) report('memory', `the process grew by ${grown.toFixed(0)} MB`)
}

async function main(): Promise<void> {
  const random = new Random(Number(seed))
  const coverage = target.here ? new Coverage() : undefined
  const reading = await target.open()
  const pool = [...(await target.seeds()), ...corpusOf(target)]
  const count = () => say({ kind: 'counts', counts: { inputs, refused, kept, blocks: coverage?.blocks ?? 0 } })
  process.on('exit', () => void reading.close?.())
  if (rerun.length > 0) {
    for (const path of rerun) await tryInput(reading, new Uint8Array(readFileSync(path)))
    count()
    return process.exit(0)
  }
  for (const input of pool) await tryInput(reading, input)
  coverage?.fresh(coverage.reached())
  for (;;) {
    const batch: Uint8Array[] = []
    for (const begun = Date.now(); batch.length < BATCH && Date.now() - begun < COUNT_EVERY;) {
      const input = target.mutate(random.pick(pool), random, pool)
      batch.push(input)
      await tryInput(reading, input)
    }
    if (coverage && pool.length < MOST_KEPT) {
      for (const input of await reaching(coverage, coverage.fresh(coverage.reached()), batch, reading)) {
        pool.push(input)
        kept++
      }
    }
    count()
    await new Promise(setImmediate) // messages go out
  }
}

/** Which of these reach the blocks. A look at the blocks takes longer than most inputs, so it is taken at many together, and at each where they reached something. */
async function reaching(
  coverage: Coverage,
  blocks: Set<string>,
  batch: readonly Uint8Array[],
  { read }: Reading,
): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for (const input of batch) {
    if (blocks.size === 0) break
    await read(input.slice()).catch(() => {}) // what comes of it was said
    const reached = coverage.reached().filter((block) => blocks.delete(block))
    if (reached.length > 0) found.push(input)
  }
  return found
}

process.on('unhandledRejection', (error) => {
  say({ kind: 'finding', what: 'unhandled rejection', detail: (error as Error).stack ?? String(error), input: '' })
})
await main()
