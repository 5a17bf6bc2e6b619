/**
 * npm run bench: measures every group against its peers, prints one table, and writes it as JSON and as charts. See README.md.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bestBackend } from './backend.js'
import { firstLine, type Row } from './compare.js'
import type { LineChart } from './group.js'
import { GROUPS } from './groups/index.js'
import { parseOptions, USAGE, type BenchOptions } from './options.js'
import { installPeers } from './peers/install.js'
import { Peers } from './peers/peers.js'
import { lineChart } from './report/line-chart.js'
import { describeMachine, showMachine } from './report/machine.js'
import { ratioChart } from './report/ratio-chart.js'
import { table } from './report/table.js'

const RESULTS = fileURLToPath(new URL('results', import.meta.url))
const NAMES = GROUPS.map(({ name }) => name)

async function bench(options: BenchOptions): Promise<void> {
  const progress = (what: string) => process.stderr.write(`${what}\n`)
  if (options.peers === 'install') progress('installing the peers (bench/.peers)')
  await installPeers(options.peers)
  const peers = new Peers(options.peers, options.threads)
  const rows: Row[] = []
  const charts: LineChart[] = []
  try {
    const backend = await bestBackend(options.threads)
    const machine = await describeMachine(backend, await peers.versions())
    backend.dispose()
    for (const group of GROUPS) {
      if (options.only.length > 0 && !options.only.includes(group.name)) continue
      progress(group.title)
      const result = await group.run({ options, peers, progress: (what) => progress(`  ${what}`) })
      rows.push(...result.rows)
      charts.push(...(result.charts ?? []))
    }
    const { rounds } = options.race
    const settings = `${options.threads} thread${options.threads > 1 ? 's' : ''}, ${rounds} interleaved rounds${options.small ? ', tiny sizes' : ''}`
    console.log(`\n${showMachine(machine)}\n${settings}; a ratio over 1 means that ours is better\n\n${table(rows)}`)

    await mkdir(options.out, { recursive: true })
    const write = (name: string, content: string) => writeFile(join(options.out, name), content)
    await write(
      'results.json',
      `${JSON.stringify({ machine, options: { ...options, out: undefined }, rows, charts }, null, 1)}\n`,
    )
    await write('ratios.svg', ratioChart(rows, GROUPS, `${machine.cpu}, ${settings}`))
    for (const chart of charts) await write(`${chart.name}.svg`, lineChart(chart))
  } finally {
    await peers.close()
  }
}

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(USAGE.replace('GROUPS', NAMES.join(', ')))
} else {
  let options: BenchOptions | undefined
  try {
    options = parseOptions(args, NAMES, RESULTS)
  } catch (error) {
    console.error(`${firstLine(error)}\n${USAGE.replace('GROUPS', NAMES.join(', '))}`)
    process.exitCode = 2
  }
  if (options) await bench(options)
}
