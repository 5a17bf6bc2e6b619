/**
 * Files on disk as byte sources. It needs Node, and is loaded by import() when a path is opened, so a browser never asks for it.
 */
import { constants, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError } from '../errors.js'
import { checkRange, type ByteSource } from './byte-source.js'
import { isCode } from './system-error.js'

export { holdFile } from './hold-file.js'

/** The file of that name in a folder, or undefined when there is no such file or folder. */
export async function openFile(folder: string | URL, file: string): Promise<ByteSource | undefined> {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder
  const path = join(root, file)
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw new FileError('file-unreadable', `${path}: cannot be opened (${(error as Error).message})`, { cause: error })
  }
  return fileSource(path, handle)
}

/** Whether there is a folder at this path. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function fileSource(path: string, handle: FileHandle): Promise<ByteSource> {
  const stat = await handle.stat()
  if (!stat.isFile()) {
    await handle.close()
    throw new FileError('file-unreadable', `${path}: is not a file`)
  }
  let closed: Promise<void> | undefined
  return {
    name: path,
    size: stat.size,
    read: async (start, end, buffer) => {
      checkRange(path, start, end, stat.size)
      return readRange(path, handle, { start, end, buffer })
    },
    close: () => (closed ??= handle.close()),
  }
}

interface Range {
  readonly start: number
  readonly end: number
  /** Where the bytes go; a fresh array unless told. */
  readonly buffer?: Uint8Array
}

async function readRange(path: string, handle: FileHandle, { start, end, buffer }: Range): Promise<Uint8Array> {
  const bytes = buffer ? buffer.subarray(0, end - start) : new Uint8Array(end - start)
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await handle
      .read(bytes, filled, bytes.length - filled, start + filled)
      .catch((error: Error) => {
        throw new FileError('file-unreadable', `${path}: cannot be read (${error.message})`, { cause: error })
      })
    if (bytesRead === 0)
      throw new FileError('short-read', `${path}: the file ends at byte ${start + filled}, before ${end}`)
    filled += bytesRead
  }
  return bytes
}

/** A file that is written, at any place, and can be read meanwhile. */
export interface WritableFile extends ByteSource {
  /** Bytes at a position; a gap before them is zeros. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Makes it end here. */
  truncate(size: number): Promise<void>
  /** Waits until the disk has it. */
  sync(): Promise<void>
}

/** Opens a file for writing, and makes it if it is not there. @throws FileError when that cannot be done */
export async function openWritable(path: string): Promise<WritableFile> {
  const fail = (error: unknown) =>
    new FileError('file-unwritable', `${path}: cannot be written (${(error as Error).message})`, { cause: error })
  const attempt = async <T>(action: () => Promise<T>): Promise<T> =>
    action().catch((error: unknown) => Promise.reject(fail(error)))
  const handle = await attempt(() => open(path, constants.O_RDWR | constants.O_CREAT))
  const readable = await fileSource(path, handle)
  let size = readable.size
  return {
    name: path,
    get size() {
      return size
    },
    read: async (start, end) => {
      checkRange(path, start, end, size)
      return readRange(path, handle, { start, end })
    },
    write: (bytes, position) =>
      attempt(async () => {
        for (let done = 0; done < bytes.length;) {
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten
        }
        size = Math.max(size, position + bytes.length)
      }),
    truncate: (to) =>
      attempt(async () => {
        await handle.truncate(to)
        size = to
      }),
    sync: () => attempt(() => handle.sync()),
    close: readable.close,
  }
}

/** Puts a file in the place of another, at once. @throws FileError */
export async function replaceFile(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: Error) => {
    throw new FileError('file-unwritable', `${to}: cannot be written (${error.message})`, { cause: error })
  })
}

/** Deletes a file, if it is there. @throws FileError */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true }).catch((error: Error) => {
    throw new FileError('file-unwritable', `${path}: cannot be deleted (${error.message})`, { cause: error })
  })
}
