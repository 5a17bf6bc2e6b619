/**
 * Stands in for node-files.ts in the browser bundle: a page has no paths.
 */
import { FileError } from '../errors.js'
import type { DocumentFile } from './index-documents.js'

/** @throws FileError always */
export async function documentFiles(paths: readonly string[]): Promise<DocumentFile[]> {
  throw new FileError(
    'no-disk',
    `${paths.join(', ')}: a page cannot open paths; give indexDocuments its files (blobSource)`,
  )
}
