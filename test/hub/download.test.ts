import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { hub, snapshotDownload, type DownloadProgress } from '../../src/hub/index.js'
import { runScript } from '../support/cli.js'
import { COMMIT, gitId, hangUp, REPOSITORY, sendContent, sha256, type Fault } from '../support/fake-hub.js'
import { hubTest, listing, temporaryFolder } from '../support/hub-test.js'

vi.mock('../../src/hub/retry.js', async (original) => ({ ...(await original<object>()), waitFor: () => 0 }))

const WEIGHTS = 'model.safetensors'
const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8))
const ETAG = sha256(BYTES)
const CONFIG = new TextEncoder().encode('{"model_type": "bert"}')

const withWeights = () => hubTest(new Map([[WEIGHTS, BYTES], ['config.json', CONFIG]])) // prettier-ignore

async function read(folder: ReturnType<typeof hub>, file: string): Promise<Uint8Array> {
  const source = (await folder.open(file))!
  try {
    return await source.read(0, source.size)
  } finally {
    await source.close()
  }
}

/** Answers of the storage without its usual kindness. */
const storage =
  (answer: (...args: Parameters<Fault>) => void): Fault =>
  (request, response, content) => {
    if (request.host !== 'storage') return false
    answer(request, response, content)
    return true
  }

describe('a file of a hub', () => {
  test('is downloaded into the layout that all libraries share, once, and read from there', async () => {
    const { hub: server, options, folder, asked } = await withWeights()
    const model = hub(REPOSITORY, options)
    expect(await read(model, WEIGHTS)).toEqual(BYTES)
    expect(await read(model, 'config.json')).toEqual(CONFIG)
    expect(await model.open('other.json')).toBeUndefined()
    const config = gitId(CONFIG)
    expect(listing(folder)).toEqual(
      [
        `.glassformer/${ETAG}`,
        `.glassformer/${config}`,
        `.no_exist/${COMMIT}/other.json`,
        `blobs/${ETAG}`,
        `blobs/${config}`,
        'refs/main',
        `snapshots/${COMMIT}/config.json`,
        `snapshots/${COMMIT}/${WEIGHTS}`,
      ].sort(),
    )
    expect(readFileSync(join(folder, 'refs/main'), 'utf8')).toBe(COMMIT)
    expect(readlinkSync(join(folder, `snapshots/${COMMIT}/${WEIGHTS}`))).toBe(`../../blobs/${ETAG}`)
    expect(asked()).toEqual([
      'hub HEAD model.safetensors',
      'hub GET model.safetensors',
      `storage GET ${ETAG}`,
      'hub HEAD config.json',
      'hub GET config.json',
      'hub HEAD other.json',
    ])
    const revisions = server.requests.filter(({ host }) => host === 'hub').map(({ path }) => path.split('/')[4])
    expect(revisions).toEqual(['main', ...revisions.slice(1).map(() => COMMIT)])

    server.requests.length = 0
    const again = hub(REPOSITORY, options)
    expect(await read(again, WEIGHTS)).toEqual(BYTES)
    expect(await read(again, 'config.json')).toEqual(CONFIG)
    expect(await again.open('other.json')).toBeUndefined()
    expect(asked()).toEqual(['hub HEAD model.safetensors']) // whether main is still that commit
  })

  test('of a commit that is in the cache needs no request at all', async () => {
    const { hub: server, options } = await withWeights()
    await read(hub(REPOSITORY, options), WEIGHTS)
    server.requests.length = 0
    expect(await read(hub(REPOSITORY, { ...options, revision: COMMIT }), WEIGHTS)).toEqual(BYTES)
    expect(server.requests).toEqual([])
  })

  test('that did not change with the commit is linked and not downloaded again', async () => {
    const { hub: server, options, folder, asked } = await withWeights()
    await read(hub(REPOSITORY, options), WEIGHTS)
    server.commit = COMMIT.replaceAll('c', 'd')
    server.requests.length = 0
    const model = hub(REPOSITORY, options)
    expect(await read(model, WEIGHTS)).toEqual(BYTES)
    expect(asked()).toEqual(['hub HEAD model.safetensors'])
    expect(readFileSync(join(folder, 'refs/main'), 'utf8')).toBe(server.commit)
    expect(listing(join(folder, 'snapshots'))).toEqual([`${COMMIT}/${WEIGHTS}`, `${server.commit}/${WEIGHTS}`])
  })

  test('in a folder of the model has a link from as deep', async () => {
    const { options, folder } = await hubTest(new Map([['1_Pooling/config.json', CONFIG]]))
    expect(await read(hub(REPOSITORY, options), '1_Pooling/config.json')).toEqual(CONFIG)
    const link = join(folder, `snapshots/${COMMIT}/1_Pooling/config.json`)
    expect(readlinkSync(link)).toBe(`../../../blobs/${gitId(CONFIG)}`)
  })

  test('may be empty', async () => {
    const { options } = await hubTest(new Map([['empty.json', new Uint8Array()]]))
    expect(await read(hub(REPOSITORY, options), 'empty.json')).toHaveLength(0)
  })

  test('that another program has downloaded is taken as it is', async () => {
    const { options, folder, hub: server } = await withWeights()
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    mkdirSync(join(folder, 'snapshots', COMMIT), { recursive: true })
    writeFileSync(join(folder, 'blobs', ETAG), BYTES)
    symlinkSync(`../../blobs/${ETAG}`, join(folder, 'snapshots', COMMIT, WEIGHTS))
    const pinned = hub(REPOSITORY, { ...options, revision: COMMIT })
    expect(await read(pinned, WEIGHTS)).toEqual(BYTES)
    expect(server.requests).toEqual([])
  })

  test('that is cut in the cache is downloaded again', async () => {
    const { options, folder } = await withWeights()
    await read(hub(REPOSITORY, options), WEIGHTS)
    writeFileSync(join(folder, 'blobs', ETAG), BYTES.subarray(0, 10))
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
  })

  test('reports its progress up to the end', async () => {
    const { options } = await withWeights()
    const seen: DownloadProgress[] = []
    await read(hub(REPOSITORY, { ...options, onDownload: (progress) => seen.push(progress) }), WEIGHTS)
    expect(seen.at(-1)).toEqual({ file: WEIGHTS, loaded: BYTES.length, total: BYTES.length })
    const loaded = seen.map((progress) => progress.loaded)
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b))
  })

  test('that comes slowly, byte by byte, comes whole', async () => {
    const { hub: server, options } = await hubTest(new Map([[WEIGHTS, BYTES.subarray(0, 50)]]))
    server.fault = storage((_request, response, content) => {
      response.writeHead(200, { 'content-length': content!.length })
      const sendFrom = (at: number): void => {
        if (at === content!.length) response.end()
        else response.write(content!.subarray(at, at + 1), () => setImmediate(sendFrom, at + 1))
      }
      sendFrom(0)
    })
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES.subarray(0, 50))
  })
})

describe('a connection that breaks off', () => {
  test('is taken up where it broke off', async () => {
    const { hub: server, options, asked } = await withWeights()
    server.fault = hangUp(30_000, 3)
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
    const ranges = asked().filter((line) => line.startsWith('storage'))
    expect(ranges).toHaveLength(4)
    expect(ranges[0]).toBe(`storage GET ${ETAG}`)
    for (const line of ranges.slice(1)) expect(line).toMatch(/ bytes=[1-9]\d*-$/)
  })

  test('every time before a byte has come is an error in the end', async () => {
    const { hub: server, options, folder } = await withWeights()
    server.fault = storage((_request, response) => {
      response.writeHead(200, { 'content-length': BYTES.length })
      response.flushHeaders()
      setImmediate(() => response.destroy())
    })
    const message = /model\.safetensors breaks off after 0 of 100000 bytes, every time/
    await expect(read(hub(REPOSITORY, options), WEIGHTS)).rejects.toThrow(message)
    expect(listing(folder)).toEqual(['refs/main'])
  })

  test('before the answer is tried again', async () => {
    const { hub: server, options } = await withWeights()
    let left = 2
    server.fault = (_request, response) => {
      if (left-- <= 0) return false
      response.destroy()
      return true
    }
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
  })

  test('and a server without ranges: from the beginning', async () => {
    const { hub: server, options } = await withWeights()
    const cut = hangUp(30_000, 1)
    server.fault = (request, response, content) => {
      if (cut(request, response, content)) return true
      if (request.host !== 'storage') return false
      sendContent({ ...request, range: undefined }, response, content!)
      return true
    }
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
  })

  test('in the middle of a chunked answer without a length is noticed too', async () => {
    const { hub: server, options } = await withWeights()
    let first = true
    server.fault = (request, response, content) => {
      if (request.host !== 'storage' || !first) return false
      first = false
      response.writeHead(200)
      response.end(content!.subarray(0, 40_000)) // ends in order, and too early
      return true
    }
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
  })
})

describe('a download that was cancelled', () => {
  test('leaves a part that is taken up, and nothing under the final name', async () => {
    const { options, folder, asked, hub: server } = await withWeights()
    // the first half comes, then nothing
    server.fault = storage((_request, response, content) => {
      response.writeHead(200, { 'content-length': BYTES.length }).write(content!.subarray(0, 50_000))
    })
    const controller = new AbortController()
    const stopped = hub(REPOSITORY, {
      ...options,
      signal: controller.signal,
      onDownload: ({ loaded }) => loaded === 50_000 && controller.abort(),
    })
    await expect(read(stopped, WEIGHTS)).rejects.toMatchObject({ name: 'AbortError', code: 'aborted' })
    expect(listing(folder)).toEqual([`blobs/${ETAG}.glassformer.incomplete`, 'refs/main'])

    server.fault = undefined
    const seen: number[] = []
    const onDownload = ({ loaded }: DownloadProgress) => seen.push(loaded)
    expect(await read(hub(REPOSITORY, { ...options, onDownload }), WEIGHTS)).toEqual(BYTES)
    expect(asked().at(-1)).toBe(`storage GET ${ETAG} bytes=50000-`)
    expect(Math.min(...seen)).toBeGreaterThan(50_000)
    expect(listing(join(folder, 'blobs'))).toEqual([ETAG])
  })

  test('before it began asks nothing', async () => {
    const { options, hub: server } = await withWeights()
    const aborted = hub(REPOSITORY, { ...options, signal: AbortSignal.abort() })
    await expect(aborted.open(WEIGHTS)).rejects.toMatchObject({ code: 'aborted' })
    expect(server.requests).toEqual([])
  })

  test('by a process that was killed is taken up as well; that of a process that runs is left alone', async () => {
    const { options, folder, asked } = await withWeights()
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    const dead = 2 ** 30 // more than any system gives
    writeFileSync(join(folder, `blobs/${ETAG}.glassformer.${dead}.0a0a0a0a.incomplete`), BYTES.subarray(0, 70_000))
    const running = `blobs/${ETAG}.glassformer.${process.ppid}.0b0b0b0b.incomplete`
    writeFileSync(join(folder, running), BYTES.subarray(0, 80_000))
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
    expect(asked().at(-1)).toBe(`storage GET ${ETAG} bytes=70000-`)
    expect(listing(folder)).toContain(running)
  })
})

describe('bytes that are not those that were announced are not kept', () => {
  const wrong = BYTES.map((byte, i) => (i === 99_999 ? byte ^ 1 : byte))

  test.each<[string, Fault, string, RegExp]>([
    [
      'another content',
      storage((request, response) => sendContent(request, response, wrong)),
      'hub-hash',
      /model\.safetensors does not have the hash that the hub announced \([0-9a-f]{64}\); nothing of it is kept/,
    ],
    [
      'a file that is shorter',
      storage((request, response) => sendContent(request, response, BYTES.subarray(0, 99_000))),
      'hub-size',
      /the hub announced 100000 bytes for model\.safetensors, the server sends 99000;/,
    ],
    [
      'a file that is longer',
      storage((request, response) => sendContent(request, response, new Uint8Array(200_000))),
      'hub-size',
      /announced 100000 bytes for model\.safetensors, the server sends 200000;/,
    ],
    [
      'a file that does not say how long it is, and is longer',
      storage((_request, response) => void response.writeHead(200).end(new Uint8Array(200_000))),
      'hub-size',
      /announced 100000 bytes for model\.safetensors, the server sends more;/,
    ],
  ])('%s', async (_name, fault, code, message) => {
    const { hub: server, options, folder } = await withWeights()
    server.fault = fault
    const reading = read(hub(REPOSITORY, options), WEIGHTS)
    await expect(reading).rejects.toMatchObject({ code })
    await expect(reading).rejects.toThrow(message)
    expect(listing(folder)).toEqual(['refs/main'])
  })

  test('a small file by its git id', async () => {
    const { hub: server, options, folder } = await withWeights()
    server.fault = ({ method, path }, response, content) => {
      if (method !== 'GET' || !path.endsWith('config.json')) return false
      response.writeHead(200).end(Buffer.from(content!).fill('x', 3, 4))
      return true
    }
    await expect(read(hub(REPOSITORY, options), 'config.json')).rejects.toMatchObject({ code: 'hub-hash' })
    expect(listing(folder)).toEqual(['refs/main'])
  })

  test('a part of an earlier time that does not fit is thrown away, and all is downloaded', async () => {
    const { options, folder, asked } = await withWeights()
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    writeFileSync(join(folder, `blobs/${ETAG}.glassformer.incomplete`), new Uint8Array(60_000))
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
    expect(asked().slice(-3)).toEqual([`storage GET ${ETAG} bytes=60000-`, 'hub GET model.safetensors', `storage GET ${ETAG}`]) // prettier-ignore
  })

  test('and one that is too long as well', async () => {
    const { options, folder } = await withWeights()
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    writeFileSync(join(folder, `blobs/${ETAG}.glassformer.incomplete`), new Uint8Array(160_000))
    expect(await read(hub(REPOSITORY, options), WEIGHTS)).toEqual(BYTES)
  })

  test('a mirror that names small files by their SHA-1 is believed', async () => {
    const { hub: server, options } = await withWeights()
    const etag = createHash('sha1').update(CONFIG).digest('hex')
    server.fault = (request, response, content) => {
      if (!request.path.endsWith('config.json')) return false
      response.setHeader('x-repo-commit', COMMIT).setHeader('etag', `"${etag}"`)
      sendContent(request, response, content!)
      return true
    }
    expect(await read(hub(REPOSITORY, options), 'config.json')).toEqual(CONFIG)
  })
})

describe('several at once', () => {
  test('download a file once in one program', async () => {
    const { options, asked } = await withWeights()
    const all = await Promise.all([1, 2, 3].map(() => read(hub(REPOSITORY, options), WEIGHTS)))
    expect(all).toEqual([BYTES, BYTES, BYTES])
    expect(asked().filter((line) => line.startsWith('storage'))).toHaveLength(1)
  })

  test('can be cancelled while they wait for each other', async () => {
    const { options, hub: server } = await withWeights()
    let hold: (finish: () => void) => void
    const held = new Promise<() => void>((resolve) => (hold = resolve))
    server.fault = storage((_request, response, content) => {
      response.writeHead(200, { 'content-length': BYTES.length }).write(content!.subarray(0, 50_000))
      hold(() => response.end(content!.subarray(50_000)))
    })
    const first = read(hub(REPOSITORY, options), WEIGHTS)
    const finish = await held
    const controller = new AbortController()
    const second = read(hub(REPOSITORY, { ...options, signal: controller.signal }), WEIGHTS)
    controller.abort()
    await expect(second).rejects.toMatchObject({ code: 'aborted' })
    finish()
    expect(await first).toEqual(BYTES)
  })

  test('go on when the one that downloads is cancelled', async () => {
    const { options, hub: server } = await withWeights()
    let first = true
    server.fault = (request, response, content) => {
      if (request.host !== 'storage' || !first) return false
      first = false
      response.writeHead(200, { 'content-length': BYTES.length }).write(content!.subarray(0, 50_000))
      return true
    }
    const controller = new AbortController()
    let other: Promise<Uint8Array> | undefined
    const onDownload = ({ loaded }: DownloadProgress) => {
      if (loaded < 50_000) return
      other = read(hub(REPOSITORY, options), WEIGHTS)
      setImmediate(() => controller.abort())
    }
    const stopped = read(hub(REPOSITORY, { ...options, signal: controller.signal, onDownload }), WEIGHTS)
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    expect(await other).toEqual(BYTES)
  })
})

describe('a cache that cannot be used', () => {
  // prlimit, by which a file may not grow, is a command of Linux
  test.skipIf(process.platform !== 'linux')('because there is no room is an error that says so', async () => {
    const { options, folder } = await withWeights()
    const child = fileURLToPath(new URL('child.ts', import.meta.url))
    const { stdout, stderr } = await runScript(child, [REPOSITORY, options.endpoint!, options.cacheDir!, '40000'])
    expect(stderr).toBe('')
    expect(stdout).toContain(
      `cache-full ${options.cacheDir}: there is no room for ${WEIGHTS} of 100000 bytes; make some (another folder is named by`,
    )
    expect(listing(folder)).not.toContain(`blobs/${ETAG}`)
    expect(await read(hub(REPOSITORY, options), WEIGHTS), 'when there is room').toEqual(BYTES)
  })

  test('because it is no folder, too', async () => {
    const { options } = await withWeights()
    const cacheDir = join(temporaryFolder(), 'file')
    writeFileSync(cacheDir, '')
    const reading = read(hub(REPOSITORY, { ...options, cacheDir }), WEIGHTS)
    await expect(reading).rejects.toMatchObject({ code: 'cache-unwritable' })
    await expect(reading).rejects.toThrow(`${cacheDir}: the cache cannot be written (`)
  })
})

describe('snapshotDownload', () => {
  test('brings all that is read here, and says where it is', async () => {
    const { options, folder, hub: server } = await withWeights()
    server.files.set('pytorch_model.bin', BYTES)
    expect(await snapshotDownload(REPOSITORY, options)).toBe(join(folder, 'snapshots', COMMIT))
    expect(listing(join(folder, 'snapshots', COMMIT))).toEqual(['config.json', WEIGHTS])
  })

  test('of a model without safetensors says so before anything large comes', async () => {
    const { options, hub: server, asked } = await withWeights()
    server.files.delete(WEIGHTS)
    server.files.set('pytorch_model.bin', BYTES)
    await expect(snapshotDownload(REPOSITORY, options)).rejects.toThrow(/there is no model\.safetensors, which holds/)
    expect(asked().filter((line) => line.includes('GET pytorch_model.bin'))).toEqual([])
  })
})
