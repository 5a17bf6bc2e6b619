/**
 * Stands in for node-file.ts in the browser bundle: a page opens URLs and Blobs, and has no paths.
 */
import { FileError } from '../errors.js'
import type { ByteSource } from './byte-source.js'

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
