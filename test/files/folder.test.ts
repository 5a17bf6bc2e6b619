import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FileError } from '../../src/errors.js'
import { openFile } from '../../src/files/node-file.js'
import { blobSource, bytesSource, type ByteSource } from '../../src/files/byte-source.js'
import { memoryFolder, openFolder, readText, requireText, subfolder } from '../../src/files/folder.js'

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i)

let path: string
beforeAll(() => {
  path = mkdtempSync(join(tmpdir(), 'glassformer-'))
  mkdirSync(join(path, 'sub folder'))
  writeFileSync(join(path, 'sub folder', 'data.bin'), BYTES)
})
afterAll(() => rmSync(path, { recursive: true }))

let server: Server | undefined
afterEach(() => void server?.close())

/** The address of a server that answers like this. */
async function serve(listener: RequestListener): Promise<string> {
  const listening = createServer(listener)
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

/** Serves one file with ranges, as a file server does, and notes what was asked for. */
function rangeServer(asked: string[]): RequestListener {
  return ({ method, url, headers }, response) => {
    asked.push(`${method} ${url} ${headers.range ?? ''}`.trim())
    if (url !== '/sub%20folder/data.bin') return response.writeHead(404).end()
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    if (start === undefined) {
      response.writeHead(200, { 'accept-ranges': 'bytes', 'content-length': BYTES.length })
      return response.end(method === 'HEAD' ? undefined : BYTES)
    }
    return response.writeHead(206).end(BYTES.subarray(Number(start), Number(end) + 1))
  }
}

async function expectRanges(source: ByteSource): Promise<void> {
  expect(source.size).toBe(100)
  for (const [start, end] of [
    [0, 100],
    [0, 0],
    [100, 100],
    [3, 7],
    [99, 100],
  ]) {
    // prettier-ignore
    expect([...(await source.read(start, end))], `${start}:${end}`).toEqual([...BYTES.subarray(start, end)])
  }
  for (const [start, end] of [
    [-1, 3],
    [5, 4],
    [99, 101],
    [NaN, 3],
  ]) {
    // prettier-ignore
    await expect(source.read(start, end)).rejects.toMatchObject({ code: 'range-outside-file' })
  }
  await source.close()
  await source.close()
}

describe('a file is read by ranges, wherever it is', () => {
  test('memory', () => expectRanges(bytesSource(BYTES)))
  test('a buffer', () => expectRanges(bytesSource(BYTES.slice().buffer)))
  test('a Blob', () => expectRanges(blobSource(new Blob([BYTES]))))
  test('files picked by a user', async () => {
    const folder = openFolder(
      new Map<string, Blob | Uint8Array>([['sub folder/data.bin', new File([BYTES], 'data.bin')]]),
    )
    await expectRanges((await subfolder(folder, 'sub folder').open('data.bin'))!)
  })
  test('a path', async () => expectRanges((await openFolder(path).open('sub folder/data.bin'))!))
  test('a file: URL', async () => {
    const url = pathToFileURL(`${path}/sub folder`)
    await expectRanges((await openFolder(url).open('data.bin'))!)
    await expectRanges((await openFolder(`${url.href}/`).open('data.bin'))!)
  })
  test('a server, of which only the ranges are asked', async () => {
    const asked: string[] = []
    const folder = subfolder(openFolder(await serve(rangeServer(asked))), 'sub folder')
    const source = (await folder.open('data.bin'))!
    await source.read(10, 20)
    expect(asked).toEqual(['HEAD /sub%20folder/data.bin', 'GET /sub%20folder/data.bin bytes=10-19'])
    await expectRanges(source)
  })
  test('a server that knows no ranges, or compresses', async () => {
    for (const headers of [{}, { 'accept-ranges': 'bytes', 'content-encoding': 'gzip' }]) {
      const body = 'content-encoding' in headers ? gzipSync(BYTES) : BYTES
      const address = await serve((_request, response) => {
        response.writeHead(200, { ...headers, 'content-length': body.length }).end(body)
      })
      await expectRanges((await openFolder(new URL(address)).open('data.bin'))!)
    }
  })
})

describe('a file that is not there is undefined', () => {
  test('in memory, on disk, in a folder that is not there, and on a server', async () => {
    const address = await serve(rangeServer([]))
    for (const folder of [
      memoryFolder(new Map()),
      openFolder(path),
      openFolder('/no/such/folder'),
      openFolder(address),
    ]) {
      expect(await folder.open('other.bin'), folder.name).toBeUndefined()
    }
  })
  test('or an error that says what it is for, where it is needed', async () => {
    await expect(requireText(openFolder(path), 'config.json', 'describes the model')).rejects.toThrow(
      `${path}: there is no config.json, which describes the model`,
    )
  })
})

describe('what goes wrong is a FileError', () => {
  test('a folder in the place of a file', async () => {
    await expect(openFolder(path).open('sub folder')).rejects.toMatchObject({ code: 'file-unreadable' })
  })
  test('a file that has become shorter', async () => {
    const file = join(path, 'short.bin')
    writeFileSync(file, BYTES)
    const source = (await openFolder(path).open('short.bin'))!
    truncateSync(file, 50)
    await expect(source.read(0, 100)).rejects.toMatchObject({
      code: 'short-read',
      message: `${file}: the file ends at byte 50, before 100`,
    })
    await source.close()
  })
  test.each<[string, RequestListener, string]>([
    ['a server that fails', (_, response) => response.writeHead(500).end(), 'the server answered 500'],
    [
      'a server that promises ranges and ignores them',
      ({ method }, response) => {
        response.writeHead(200, { 'accept-ranges': 'bytes', 'content-length': 100 })
        response.end(method === 'HEAD' ? undefined : BYTES)
      },
      'asked for bytes 0 to 10, the server answered 200',
    ],
    [
      'a server that sends fewer bytes than asked for',
      ({ method }, response) => {
        if (method === 'HEAD') response.writeHead(200, { 'accept-ranges': 'bytes', 'content-length': 100 }).end()
        else response.writeHead(206).end(BYTES.subarray(0, 5))
      },
      'got 5 of 10 bytes',
    ],
    ['a server that hangs up', (request) => request.socket.destroy(), 'the request failed'],
  ])('%s', async (_name, listener, message) => {
    const folder = openFolder(await serve(listener))
    const read = folder.open('data.bin').then((source) => source!.read(0, 10))
    await expect(read).rejects.toBeInstanceOf(FileError)
    await expect(read).rejects.toThrow(message)
  })
  test('a text that is no UTF-8, or longer than a text may be', async () => {
    const folder = memoryFolder(new Map([['a.json', Uint8Array.of(0x7b, 0xff)]]), 'model')
    await expect(readText(folder, 'a.json')).rejects.toMatchObject({
      code: 'not-utf8',
      message: 'model/a.json: not valid UTF-8 text',
    })
    await expect(readText(folder, 'a.json', 1)).rejects.toMatchObject({ code: 'file-too-large' })
  })
})

test('a disk that refuses to be read is an error with the name of the file', async () => {
  const source = (await openFile(join(path, 'sub folder'), 'data.bin'))!
  await source.close()
  await expect(source.read(0, 10)).rejects.toMatchObject({
    name: 'FileError',
    code: 'file-unreadable',
    message: expect.stringContaining(`${join(path, 'sub folder', 'data.bin')}: cannot be read (`) as string,
  })
})
