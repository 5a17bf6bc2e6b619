/**
 * Kills a program that writes to a store (killed-writer.ts) at random moments, with SIGKILL, and compares what the store then holds with what
 * the program had said was done.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Store } from '../../src/rag/index.js'
import { changeOf, KIND } from './numbered-changes.js'

const WRITER = fileURLToPath(new URL('killed-writer.ts', import.meta.url))
/** Longest life of a writer from when it opens the store, in milliseconds. */
const LONGEST = 400

export interface KillRuns {
  readonly runs: number
  /** Arguments of the writer: PLACE and SCHEMA. */
  readonly place: readonly [string, string]
  /** Opens the store, when all of the killed program is over. */
  readonly open: () => Promise<Store>
  /** Closes it, before the next writer begins. */
  readonly close: (store: Store, run: number) => Promise<void>
}

/** How many changes were done in all, and how many of those in whose midst a writer was killed were found done. */
export async function killRuns({ runs, place, open, close }: KillRuns): Promise<{ done: number; more: number }> {
  const expected = new Map<string, string>() // the hash of each document
  const apply = (number: number) => {
    const { id, document } = changeOf(number)
    if (document) expected.set(id, document.hash)
    else expected.delete(id)
  }
  let [next, more] = [0, 0]
  for (let run = 0; run < runs; run++) {
    const last = await killedRun([...place, String(next)], Math.random() * LONGEST)
    for (; next <= last; next++) apply(next)

    const store = await open()
    const stamps: [string, string][] = []
    for await (const { id, hash } of store.documents()) stamps.push([id, hash])
    const found = new Map(stamps)
    expect(stamps.length, 'no document is there twice').toBe(found.size)
    // the change in whose midst it was killed is done, or is not
    const { id, document } = changeOf(next)
    if (found.get(id) !== expected.get(id) && found.get(id) === document?.hash) {
      apply(next++)
      more++
    }
    expect(found, `run ${run}, ${next} changes`).toEqual(expected)

    const wanted = [...found.values()].flatMap((hash) => changeOf(Number(hash)).document!.passages)
    const [hits] = await store.search([new Float32Array(KIND.dimension).fill(1)], 1000)
    const texts = (passages: readonly { readonly id: string; readonly text: string }[]) =>
      passages.map((passage) => `${passage.id} ${passage.text}`).sort()
    expect(texts(hits)).toEqual(texts(wanted))
    await close(store, run)
  }
  return { done: next, more }
}

/** The number of the last change that a writer finished before it was killed; -1 for none. */
async function killedRun(args: readonly string[], life: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), WRITER, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  await sleep(life)
  expect(child.exitCode, 'the writer ran until it was killed').toBeNull()
  child.kill('SIGKILL')
  await closed
  return Number(output.trim().split('\n').at(-1)!.replace('ready', '-1'))
}
