import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { holdFile } from '../../src/files/node-file.js'

/** `LOCK_RACES=200` is the measurement of docs/security.md. */
const RACES = Number(process.env.LOCK_RACES ?? 20)
const RUNNERS = 8
/** More than any system gives. */
const DEAD = 2 ** 30

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassformer-lock-'))
  path = join(folder, 'my.index')
})
afterEach(() => rmSync(folder, { recursive: true }))

async function answerOf(runner: ChildProcess): Promise<unknown> {
  const [answer] = (await once(runner, 'message')) as [unknown]
  return answer
}

/** What each runner says to a message that all get. */
function askAll(runners: readonly ChildProcess[], message: object | string): Promise<unknown[]> {
  const answers = runners.map(answerOf)
  for (const runner of runners) runner.send(message)
  return Promise.all(answers)
}

test(
  `of ${RUNNERS} processes that find the lock of a dead one exactly one holds it, ${RACES} times`,
  { timeout: 600_000 },
  async () => {
    const script = fileURLToPath(new URL('lock-runner.ts', import.meta.url))
    const execArgv = ['--import', import.meta.resolve('tsx')]
    const runners = Array.from({ length: RUNNERS }, () => fork(script, { execArgv }))
    try {
      await Promise.all(runners.map(answerOf))
      const holders: number[] = []
      for (let race = 0; race < RACES; race++) {
        writeFileSync(`${path}.lock`, String(DEAD))
        if (race % 2 === 1) writeFileSync(`${path}.lock.lock`, String(DEAD)) // of one that died while it took over
        const said = await askAll(runners, { path, at: Date.now() + 20 })
        holders.push(said.filter((word) => word === 'held').length)
        expect(said.filter((word) => word !== 'held' && word !== 'file-held')).toEqual([])
        await askAll(runners, 'release')
      }
      expect(holders).toEqual(holders.map(() => 1))
      expect(readdirSync(folder)).toEqual([])
    } finally {
      for (const runner of runners) runner.kill()
    }
  },
)

describe('a lock', () => {
  test('is there while its process holds the file, and is refused to all others', async () => {
    const giveBack = await holdFile(path)
    expect(readlinkSync(`${path}.lock`)).toBe(`${process.pid} ${hostname()}`)
    await expect(holdFile(path)).rejects.toMatchObject({
      code: 'file-held',
      message: `${path}: process ${process.pid} is writing it; wait for it, or delete ${path}.lock if there is none`,
    })
    await giveBack()
    expect(readdirSync(folder)).toEqual([])
    await (
      await holdFile(path)
    )()
  })

  test.each([
    ['as a file', [() => writeFileSync(`${path}.lock`, `${DEAD} ${hostname()}`)]],
    ['as a link', [() => symlinkSync(`${DEAD} ${hostname()}`, `${path}.lock`)]],
    [
      'that died while it took over from a dead one',
      ['.lock', '.lock.lock', '.lock.lock.lock'].map((end) => () => symlinkSync(`${DEAD} ${hostname()}`, path + end)),
    ],
  ])('of a dead process is taken over: %s', async (_what, leave) => {
    for (const make of leave) make()
    const giveBack = await holdFile(path)
    expect(readdirSync(folder)).toEqual(['my.index.lock'])
    await giveBack()
  })

  test.each([
    ['of another machine', `${DEAD} elsewhere`, `process ${DEAD} of elsewhere is writing it`],
    ['that is being written', '', 'another process is writing it'],
  ])('%s is left alone', async (_what, holder, message) => {
    writeFileSync(`${path}.lock`, holder)
    await expect(holdFile(path)).rejects.toThrow(message)
    expect(readdirSync(folder)).toEqual(['my.index.lock'])
  })

  test('that cannot be written is an error that says so', async () => {
    writeFileSync(path, '')
    await expect(holdFile(join(path, 'file'))).rejects.toMatchObject({ code: 'file-unwritable' })
    await expect(holdFile(join(folder, 'none', 'file'))).rejects.toMatchObject({ code: 'file-unwritable' })
  })
})
