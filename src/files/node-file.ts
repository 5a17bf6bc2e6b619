/**
 * Files on disk as byte sources. It needs Node, and is loaded by import() when a path is opened, so a browser never asks for it.
 */
import { open, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError } from '../errors.js'
import { checkRange, type ByteSource } from './byte-source.js'

/** The file of that name in a folder, or undefined when there is no such file or folder. */
export async function openFile(folder: string | URL, file: string): Promise<ByteSource | undefined> {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder
  const path = join(root, file)
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
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
    read: async (start, end) => {
      checkRange(path, start, end, stat.size)
      const bytes = new Uint8Array(end - start)
      let filled = 0
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled)
        if (bytesRead === 0)
          throw new FileError('short-read', `${path}: the file ends at byte ${start + filled}, before ${end}`)
        filled += bytesRead
      }
      return bytes
    },
    close: () => (closed ??= handle.close()),
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
