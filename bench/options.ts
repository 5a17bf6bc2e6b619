/**
 * The bench's command line.
 */
import { parseArgs } from 'node:util'
import type { RaceOptions } from './measure.js'

export type PeerMode = 'none' | 'installed' | 'install'

export interface BenchOptions {
  /** Groups to run; all when empty. */
  readonly only: readonly string[]
  /** Tiny sizes: shows that the programs run, not how fast. */
  readonly small: boolean
  readonly threads: number
  readonly peers: PeerMode
  readonly race: RaceOptions
  /** Folder for results. */
  readonly out: string
}

export const USAGE = `npm run bench -- [options]
  --only a,b        groups: GROUPS
  --small           tiny sizes, to see that everything runs
  --rounds N        rounds of each race (default 11; 3 with --small)
  --threads N       threads of ours and of the peers (default 1)
  --peers MODE      install (default), installed (use what is there) or none
  --out FOLDER      where the JSON and the charts go (default bench/results)
`

/** @throws Error that says what is wrong with an option */
export function parseOptions(args: readonly string[], groups: readonly string[], defaultOut: string): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      small: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '1' },
      peers: { type: 'string', default: 'install' },
      out: { type: 'string', default: defaultOut },
    },
  })
  const { small } = values
  const only = values.only.split(',').filter((name) => name !== '')
  const unknown = only.filter((name) => !groups.includes(name))
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}; known are ${groups.join(', ')}`)
  return {
    only,
    small,
    threads: wholeNumber('threads', values.threads),
    peers: peerMode(values.peers),
    race: {
      rounds: wholeNumber('rounds', values.rounds ?? (small ? '3' : '11')),
      warmUpSeconds: small ? 0 : 0.5,
      roundSeconds: small ? 0 : 0.1,
    },
    out: values.out,
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} is ${text}, expected a whole number from 1`)
  return value
}

function peerMode(text: string): PeerMode {
  if (text === 'none' || text === 'installed' || text === 'install') return text
  throw new Error(`--peers is ${text}, expected none, installed or install`)
}
