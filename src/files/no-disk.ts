/**
 * Stands in for node-file.ts in the browser bundle: a page opens URLs and Blobs, has no paths and writes no files.
 */
import { FileError } from '../errors.js'
import type { ByteSource } from './byte-source.js'
import type { WritableFile } from './node-file.js'

/** @throws FileError always */
export async function openFile(folder: string | URL, file: string): Promise<ByteSource | undefined> {
  throw new FileError(
    'no-disk',
    `${folder}/${file}: a page cannot open paths; give an http(s) URL, or the files by name (memoryFolder)`,
  )
}

/** A page has no folders. */
export async function isFolder(): Promise<boolean> {
  return false
}

/** @throws FileError always */
export async function openWritable(path: string): Promise<WritableFile> {
  throw new FileError('no-disk', `${path}: a page cannot write files`)
}

/** @throws FileError always */
export async function holdFile(path: string): Promise<() => Promise<void>> {
  throw new FileError('no-disk', `${path}: a page cannot write files`)
}

/** A page has nothing to replace, since it could not write it. */
export async function replaceFile(): Promise<void> {}

/** A page has nothing to remove. */
export async function removeFile(): Promise<void> {}
