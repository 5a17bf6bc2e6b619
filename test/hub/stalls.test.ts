import { describe, expect, test, vi } from 'vitest'
import { hub } from '../../src/hub/index.js'
import { COMMIT, REPOSITORY, sendContent, type Fault } from '../support/fake-hub.js'
import { fetchFile, hubTest } from '../support/hub-test.js'

vi.mock('../../src/hub/retry.js', async (original) => ({ ...(await original<object>()), waitFor: () => 0 }))

const WEIGHTS = 'model.safetensors'
const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8))
const withWeights = () => hubTest(new Map([[WEIGHTS, BYTES]]))
const stallSeconds = 0.3

/** Sends half of what is asked for and then nothing, for as long as the connection is open. */
function stallAfterHalf(times: number): Fault {
  let left = times
  return (request, response, content) => {
    if (request.host !== 'storage' || left-- <= 0) return false
    const start = Number(/^bytes=(\d+)-$/.exec(request.range ?? '')?.[1] ?? 0)
    if (start > 0) response.setHeader('content-range', `bytes ${start}-${content!.length - 1}/${content!.length}`)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': content!.length - start })
    response.write(content!.subarray(start, start + (content!.length - start) / 2))
    return true
  }
}

describe('a connection that stalls', () => {
  test('in the midst of a file is given up, and the rest comes by another one', { timeout: 20_000 }, async () => {
    const { hub: server, options, asked } = await withWeights()
    server.fault = stallAfterHalf(2)
    const source = (await hub(REPOSITORY, { ...options, stallSeconds }).open(WEIGHTS))!
    expect(await source.read(0, source.size)).toEqual(BYTES)
    await source.close()
    const ranges = asked().filter((line) => line.startsWith('storage')).map((line) => line.split(' ')[3]) // prettier-ignore
    expect(ranges).toEqual([undefined, 'bytes=50000-', 'bytes=75000-'])
  })

  test('before the answer is given up and tried again', { timeout: 20_000 }, async () => {
    const { hub: server, options } = await withWeights()
    let left = 2
    server.fault = () => left-- > 0 // and never answers
    expect(await fetchFile(WEIGHTS, { ...options, stallSeconds })).toBe(true)
  })

  test('every time is an error that says so, after five tries', { timeout: 20_000 }, async () => {
    const { hub: server, options } = await withWeights()
    server.fault = () => true
    const opening = fetchFile(WEIGHTS, { ...options, stallSeconds })
    await expect(opening).rejects.toMatchObject({ code: 'hub-unreachable' })
    await expect(opening).rejects.toThrow(/cannot be reached \(nothing came for 0\.3 s\)/)
    expect(server.requests).toHaveLength(5)
  })

  test('after the head of the answer every time, too', { timeout: 20_000 }, async () => {
    const { hub: server, options } = await withWeights()
    server.fault = ({ host }, response) => {
      if (host !== 'storage') return false
      response.writeHead(200, { 'content-length': BYTES.length }).flushHeaders()
      return true
    }
    const opening = fetchFile(WEIGHTS, { ...options, stallSeconds })
    await expect(opening).rejects.toMatchObject({ code: 'hub-interrupted' })
  })

  test('in the list of files that a page asks for is an error', { timeout: 20_000 }, async () => {
    const { hub: server, options } = await withWeights()
    server.fault = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"sha":')
      return true
    }
    const { process } = globalThis
    vi.stubGlobal('process', Object.create(process, { versions: { value: {} } })) // no Node
    const opening = fetchFile(WEIGHTS, { ...options, stallSeconds }).finally(() => vi.unstubAllGlobals())
    await expect(opening).rejects.toMatchObject({ code: 'hub-interrupted' })
    await expect(opening).rejects.toThrow(/breaks off \(nothing came for 0\.3 s\)/)
  })

  test('for less than the time that is given is waited for', { timeout: 20_000 }, async () => {
    const { hub: server, options } = await withWeights()
    server.fault = (request, response, content) => {
      if (request.host !== 'storage') return false
      setTimeout(() => sendContent(request, response, content!), 500)
      return true
    }
    expect(await fetchFile(WEIGHTS, { ...options, stallSeconds: 10 })).toBe(true)
    expect(server.requests.filter(({ host }) => host === 'storage')).toHaveLength(1)
  })
})

test('the time is that of the option, of HF_HUB_DOWNLOAD_TIMEOUT, or 30 seconds', async () => {
  const { hubSettings } = await import('../../src/hub/options.js')
  vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', undefined)
  expect(hubSettings({}).stallSeconds).toBe(30)
  vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', '10')
  expect(hubSettings({}).stallSeconds).toBe(10)
  expect(hubSettings({ stallSeconds: 5 }).stallSeconds).toBe(5)
  for (const wrong of ['soon', '0', '-1', 'Infinity']) {
    vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', wrong)
    expect(() => hub(REPOSITORY, { revision: COMMIT }), wrong).toThrow(/expected seconds above 0, a day at most/)
  }
  vi.unstubAllEnvs()
})
