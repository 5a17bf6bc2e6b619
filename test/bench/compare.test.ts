import { describe, expect, it } from 'vitest'
import { compare, type Entrant } from '../../bench/compare.js'
import { race, spread } from '../../bench/measure.js'
import { table } from '../../bench/report/table.js'

const OPTIONS = { rounds: 4, warmUpSeconds: 0, roundSeconds: 0 }

/** An entrant that says how long it took, as a child process does. */
function entrant(name: string, seconds: number, result: readonly number[], options: Partial<Entrant> = {}): Entrant {
  return { name, prepare: () => ({ run: () => seconds, result: async () => result }), ...options }
}

function comparison(ours: Entrant, peers: readonly Entrant[]) {
  return { group: 'g', work: 'w', unit: 'runs/s', value: (seconds: number) => 1 / seconds, ours, peers }
}

describe('race', () => {
  it('lets every program begin a round in turn', async () => {
    const order: string[] = []
    const program = (name: string) => () => {
      order.push(name)
      return 1
    }
    await race([program('a'), program('b')], { ...OPTIONS, rounds: 2 })
    expect(order.join('')).toBe('ab' + 'ab' + 'ba') // warm-up, two rounds
  })
})

describe('spread', () => {
  it('is the median and the quartiles', () => {
    expect(spread([5, 1, 3, 2, 4])).toEqual({ median: 3, low: 2, high: 4 })
  })
})

describe('compare', () => {
  it('says how many times faster ours is', async () => {
    const [row] = await compare(
      comparison(entrant('ours', 0.5, [1]), [entrant('peer', 2, [1], { target: 5 })]),
      OPTIONS,
    )
    expect(row.ratio?.median).toBe(4)
    expect(row.values.ours?.median).toBe(2)
    expect(table([row])).toContain('target 5x MISSED')
  })

  it('gives no ratio for a peer that computes something else', async () => {
    const [row] = await compare(comparison(entrant('ours', 1, [1, 0]), [entrant('peer', 1, [1, 1])]), OPTIONS)
    expect(row.ratio).toBeUndefined()
    expect(row.note).toBe('not the same result: cosine 0.70711')
  })

  it('measures the other peers when one is missing', async () => {
    const gone: Entrant = { name: 'gone', prepare: () => Promise.reject(new Error('not installed')) }
    const rows = await compare(comparison(entrant('ours', 1, [1]), [gone, entrant('peer', 1, [1])]), OPTIONS)
    expect(rows.map(({ peer, note }) => [peer, note])).toEqual([
      ['gone', 'not installed'],
      ['peer', undefined],
    ])
    expect(rows[1].ratio?.median).toBe(1)
  })
})
