/**
 * Folders that watch what is read from them, or differ in one file from one on disk.
 */
import { bytesSource } from '../../src/files/byte-source.js'
import { openFolder, type Folder } from '../../src/files/folder.js'

export interface Read {
  readonly start: number
  readonly end: number
}

/** The folder at `path`, with every read of every file noted by file name. */
export function countingFolder(path: string): { folder: Folder; reads: ReadonlyMap<string, readonly Read[]> } {
  const disk = openFolder(path)
  const reads = new Map<string, Read[]>()
  const open: Folder['open'] = async (file) => {
    const source = await disk.open(file)
    const noted: Read[] = reads.get(file) ?? []
    reads.set(file, noted)
    return (
      source && {
        ...source,
        read: (start, end) => {
          noted.push({ start, end })
          return source.read(start, end)
        },
      }
    )
  }
  return { folder: { name: disk.name, open }, reads }
}

/** The folder at `path` with another content in one file: bytes, a text, JSON, or undefined for no such file. */
export function changedFolder(path: string, changed: string, content: unknown): Folder {
  const disk = openFolder(path)
  const open: Folder['open'] = async (file) => {
    if (file !== changed) return disk.open(file)
    if (content === undefined) return undefined
    return bytesSource(asBytes(content), `${disk.name}/${file}`)
  }
  return { name: disk.name, open }
}

function asBytes(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content))
}
