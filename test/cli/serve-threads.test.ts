/**
 * `glassformer serve`: the thread that answers, when it does what it should not. A stubborn thread stands for the models, so that each
 * misbehaviour is certain.
 */
import { Worker } from 'node:worker_threads'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openPassages } from '../../src/cli/pipeline.js'
import { Answering } from '../../src/cli/server/answering.js'
import { DEFAULT_LIMITS, startAnswerServer, type ServerLimits } from '../../src/cli/server/answer-server.js'
import { ServedPassages } from '../../src/cli/server/served-passages.js'
import { typeScriptProgram } from '../../src/files/typescript-worker.js'
import { eventsOf, post, until } from '../support/http.js'

const STUBBORN = new URL('../support/stubborn-worker.ts', import.meta.url).href
const passages = await ServedPassages.open(() => openPassages({}))
const defects: Error[] = []
const troubles: Error[] = []
const opened: (() => Promise<unknown>)[] = []
beforeEach(() => void (defects.length = troubles.length = 0))
afterAll(async () => {
  for (const close of opened) await close()
  await passages.close()
})

/** How threads load: the first as the first of the list, and so on; the last of it holds for all further ones. */
type Loads = readonly { readonly load?: number; readonly fails?: boolean }[]

async function serve(limits: Partial<ServerLimits> = {}, loads: Loads = [{}], grace?: number) {
  const threads: Worker[] = []
  const replaced: number[] = []
  const startWorker = () => {
    const workerData = loads[Math.min(threads.length, loads.length - 1)]
    const resourceLimits = { maxOldGenerationSizeMb: 128 }
    threads.push(new Worker(typeScriptProgram(STUBBORN), { eval: true, execArgv: [], workerData, resourceLimits }))
    return threads.at(-1)!
  }
  const answers = await Answering.start({
    startWorker,
    grace,
    onTrouble: (error) => troubles.push(error),
    onReplaced: () => replaced.push(threads.length),
  })
  const server = await startAnswerServer({
    answers,
    passages,
    pages: (_, response) => void response.end('a page'),
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: [],
    limits: { ...DEFAULT_LIMITS, ...limits },
    onDefect: (error) => defects.push(error as Error),
  })
  const { address } = server
  opened.push(async () => {
    await server.stop()
    await answers.close()
  })
  const health = async () => (await (await fetch(`${address}api/health`)).json()) as Record<string, unknown>
  return { server, answers, threads, replaced, address, health }
}

const failureOf = async (response: Response) => ({ status: response.status, ...((await response.json()) as object) })
const answers = async (address: string) => {
  const response = await post(address, 'ask', { question: 'well' })
  expect(await response.json()).toEqual({ question: 'well' })
}

describe.each(['compute', 'sleep'])('a question that keeps its thread for ever (%s)', (question) => {
  test('keeps nobody waiting who wants no answer, and ends when its client leaves', async () => {
    const { address, health, threads } = await serve()
    const leave = new AbortController()
    let isOver = false
    const asked = post(address, 'ask', { question }, { signal: leave.signal })
      .catch(() => undefined)
      .finally(() => (isOver = true))
    await until(async () => (await health()).questions === 1)
    const waiting = answers(address)
    for (let i = 0; i < 20; i++) {
      expect(await health()).toMatchObject({ status: 'ok' })
      expect((await fetch(`${address}api/passages/countries-152`)).status).toBe(200)
      expect(await (await fetch(address)).text()).toBe('a page')
    }
    expect(isOver).toBe(false)
    leave.abort()
    await asked
    await waiting
    expect(threads).toHaveLength(2)
  })

  test('is answered when its time is over, and so is the next question', async () => {
    const { address } = await serve({ seconds: 1 })
    expect(await failureOf(await post(address, 'ask', { question }))).toMatchObject({ status: 504, code: 'too-slow' })
    await answers(address)
    const events = await eventsOf(await post(address, 'ask?stream', { question }))
    expect(events.map(({ event }) => event)).toEqual(['accepted', 'started', 'text', 'error'])
    expect(events.at(-1)).toMatchObject({ data: { status: 504, code: 'too-slow' } })
    await answers(address)
  })

  test('is ended with the server, and those that wait are told to come again', async () => {
    const { address, health, server, answers, threads } = await serve()
    const asked = [1, 2, 3].map(() => post(address, 'ask', { question }))
    await until(async () => (await health()).questions === 3)
    await Promise.all([server.stop(), answers.close()])
    for (const response of await Promise.all(asked)) {
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await failureOf(response)).toMatchObject({ status: 503, code: 'shutting-down' })
    }
    expect(threads).toHaveLength(1)
    expect(threads[0].threadId).toBe(-1) // gone
  })
})

test('a question that ends when it is told to keeps its thread', async () => {
  const { address, threads } = await serve({ seconds: 0.2 }, [{}], 30_000)
  expect(await failureOf(await post(address, 'ask', { question: 'heed' }))).toMatchObject({ status: 504 })
  await answers(address)
  expect(threads).toHaveLength(1)
})

describe('a question that is too much for its thread is answered with an error and not asked again; the next is answered', () => {
  test.each([
    ['memory', 'out-of-memory', 0],
    ['throw', 'internal', 1],
    ['throw later', 'internal', 1],
    ['exit', 'internal', 1],
  ])('%s', async (question, code, told) => {
    const { address, threads } = await serve()
    const asked = post(address, 'ask', { question })
    expect(await failureOf(await asked)).toMatchObject({ status: 500, code })
    expect(defects).toHaveLength(told)
    await answers(address)
    expect(threads).toHaveLength(2)
    expect(troubles).toEqual([])
  })
})

test('a thread that ends without a question is followed by another when one comes', async () => {
  const { address, threads, health } = await serve()
  await threads[0].terminate()
  expect(troubles).toHaveLength(1)
  expect(threads).toHaveLength(1)
  await answers(address)
  expect(threads).toHaveLength(2)
  expect(await health()).toMatchObject({ status: 'ok', questions: 0 })
})

test('while models are loaded again, questions wait and their time does not pass', async () => {
  const { address, health, replaced } = await serve({ seconds: 1 }, [{}, { load: 3000 }])
  expect(await failureOf(await post(address, 'ask', { question: 'compute' }))).toMatchObject({ status: 504 })
  const waiting = answers(address)
  await until(async () => (await health()).status === 'loading')
  await waiting
  expect(replaced).toEqual([2])
})

test('who leaves while models are loaded keeps nobody waiting', async () => {
  const { address, health } = await serve({}, [{}, { load: 1000 }])
  await post(address, 'ask', { question: 'throw' })
  const leave = new AbortController()
  const left = post(address, 'ask', { question: 'compute' }, { signal: leave.signal }).catch(() => 'left')
  await until(async () => (await health()).questions === 1)
  leave.abort()
  expect(await left).toBe('left')
  await answers(address)
})

test('where models cannot be loaded again, each question has it tried once, and is told to come again', async () => {
  const { address, health, threads } = await serve({}, [{}, { fails: true }, { fails: true }, {}])
  await post(address, 'ask', { question: 'exit' })
  await until(async () => (await health()).status === 'failed')
  const refused = await post(address, 'ask', { question: 'well' })
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(await failureOf(refused)).toMatchObject({ status: 503, code: 'not-ready' })
  expect(troubles.map(({ message }) => message)).toEqual(['the index is gone', 'the index is gone'])
  await answers(address)
  expect(threads).toHaveLength(4)
  expect(await health()).toMatchObject({ status: 'ok' })
})

test('a thread whose models cannot be loaded at the start is an error of its own', async () => {
  const startWorker = () =>
    new Worker(typeScriptProgram(STUBBORN), { eval: true, execArgv: [], workerData: { fails: true } })
  const starting = Answering.start({ startWorker, onTrouble: (error) => troubles.push(error) })
  await expect(starting).rejects.toMatchObject({ code: 'file-not-found', message: 'the index is gone' })
  const controller = new AbortController()
  const cancelled = Answering.start({
    startWorker: () => new Worker('for (;;);', { eval: true }),
    signal: controller.signal,
    onTrouble: (error) => troubles.push(error),
  })
  controller.abort()
  await expect(cancelled).rejects.toMatchObject({ code: 'aborted' })
  expect(troubles).toEqual([])
})

test('passages that are opened anew are closed when the last who reads them is done', async () => {
  const log: string[] = []
  let next = 0
  let answer: (passage: undefined) => void = () => {}
  const served = await ServedPassages.open(() => {
    const name = `file ${++next}`
    return Promise.resolve({
      size: () => Promise.resolve(next),
      passage: () =>
        new Promise<undefined>((resolve) => {
          log.push(`read ${name}`)
          answer = resolve
        }),
      close: () => Promise.resolve(void log.push(`close ${name}`)),
    })
  })
  const { signal } = new AbortController()
  const first = served.find('a', signal)
  await until(() => log.length === 1)
  await served.reopen()
  expect(await served.size()).toBe(2)
  expect(log).toEqual(['read file 1'])
  answer(undefined)
  await first
  expect(log).toEqual(['read file 1', 'close file 1'])
  const second = served.find('a', signal)
  await until(() => log.length === 3)
  answer(undefined)
  await second
  await served.close()
  expect(log.slice(2)).toEqual(['read file 2', 'close file 2'])
})
