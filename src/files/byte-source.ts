/**
 * Where bytes come from: memory, a Blob, a file or a URL, all read by range, so that a tensor of a large file is fetched
 * without the rest of it. Nothing here knows what the bytes mean.
 */
import { FileError } from '../errors.js'

export interface ByteSource {
  /** File name or URL, for messages. */
  readonly name: string
  /** Length in bytes. */
  readonly size: number
  /**
   * The bytes from `start` to `end` (exclusive). Memory sources return a view, the others a fresh array, but for a file on disk, which
   * puts them into the beginning of `buffer` and returns a view of that, where there is one.
   * @throws FileError when the range reaches outside or the source has become shorter
   */
  read(start: number, end: number, buffer?: Uint8Array): Promise<Uint8Array>
  /** Gives back what the source holds open. Idempotent; reading afterwards is an error for files. */
  close(): Promise<void>
}

/** A source over bytes in memory. No copy is made. */
export function bytesSource(bytes: ArrayBuffer | Uint8Array, name = 'bytes'): ByteSource {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  return {
    name,
    size: view.length,
    read: async (start, end) => {
      checkRange(name, start, end, view.length)
      return view.subarray(start, end)
    },
    close: async () => {},
  }
}

/** A source over a Blob or a File from a file picker or a drop. */
export function blobSource(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (start, end) => {
      checkRange(name, start, end, blob.size)
      return new Uint8Array(await blob.slice(start, end).arrayBuffer())
    },
    close: async () => {},
  }
}

/** @throws FileError when start to end is not inside a source of `size` bytes */
export function checkRange(name: string, start: number, end: number, size: number): void {
  if (!(start >= 0 && start <= end && end <= size)) {
    throw new FileError('range-outside-file', `${name}: bytes ${start} to ${end} are outside the file of ${size} bytes`)
  }
}
