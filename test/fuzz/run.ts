/**
 * `npm run fuzz`: hostile inputs for everything that reads files and requests from outside. See docs/security.md.
 */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  helpText,
  parseArguments,
  positiveNumber,
  UsageError,
  wholeNumber,
  type CommandSpec,
} from '../../src/cli/arguments.js'
import { fuzz, type Finding } from './fuzz.js'
import { TARGETS } from './targets.js'

const SECONDS = 60
const SEED = 1
const FOLDER = fileURLToPath(new URL('../../build/fuzz', import.meta.url))

const spec: CommandSpec = {
  name: 'fuzz',
  positionals: [],
  summary:
    'Mutates good files and requests, and looks for those that are neither read nor refused by an error of ours.',
  options: {
    seconds: { type: 'string', value: 'N', help: `how long, for all targets together (default ${SECONDS})` },
    target: { type: 'string', value: 'NAME', help: `only this one of ${TARGETS.map(({ name }) => name).join(', ')}` },
    seed: { type: 'string', value: 'S', help: `what the mutations are drawn from (default ${SEED})` },
    input: { type: 'string', value: 'FILE', help: 'with --target: read this file alone, which a run has found' },
  },
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer fuzz', 'npm run fuzz --'))
    return
  }
  const seed = wholeNumber('seed', options.seed, 0) ?? SEED
  const targets = TARGETS.filter(({ name }) => options.target === undefined || options.target === name)
  if (targets.length === 0)
    throw new UsageError(`--target is "${options.target}"; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
  if (options.input !== undefined && options.target === undefined) throw new UsageError('--input is for --target')
  const rerun = typeof options.input === 'string' ? [options.input] : []
  const seconds = (positiveNumber('seconds', options.seconds) ?? SECONDS) / targets.length
  console.log(`seed ${seed}, ${seconds.toFixed(1)} s for each target`)
  const findings: Finding[] = []
  const sum = { inputs: 0, refused: 0, seconds: 0 }
  for (const target of targets) {
    const result = await fuzz(target, { seconds, seed, folder: FOLDER, rerun })
    const { inputs, refused, kept, blocks } = result
    const reached = target.here ? `  ${kept} kept, ${blocks} blocks of code` : ''
    console.log(
      `${target.name.padEnd(12)} ${count(inputs)} inputs  ${count(refused)} refused  ${result.findings.length} findings${reached}`,
    )
    findings.push(...result.findings)
    for (const key of ['inputs', 'refused', 'seconds'] as const) sum[key] += result[key]
  }
  console.log(
    `${'all'.padEnd(12)} ${count(sum.inputs)} inputs  ${count(sum.refused)} refused  ${findings.length} findings  ${sum.seconds.toFixed(0)} s`,
  )
  for (const { target, what, detail, path, seed } of findings) {
    console.log(`\n${target}: ${what} (seed ${seed}), the input is ${path}\n${detail.slice(0, 2000)}`)
    console.log(`again: npm run fuzz -- --target ${target} --input build/fuzz/${basename(path)}`)
  }
  process.exitCode = findings.length > 0 ? 1 : 0
}

const count = (number: number) => number.toLocaleString('en').padStart(8)

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
