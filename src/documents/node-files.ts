/**
 * Files and folders on disk as documents. Node only.
 */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, normalize, sep } from 'node:path'
import { FileError } from '../errors.js'
import { openFile } from '../files/node-file.js'
import { EXTENSIONS } from './formats.js'
import type { DocumentFile } from './index-documents.js'

export interface DocumentFilesOptions {
  /** Ends of names, without the dot, of the files that are taken out of folders; all that are known unless told. */
  readonly extensions?: readonly string[]
}

/**
 * The files that are named and all in the folders that are named, of known formats, in the order of their paths. In folders, what begins
 * with a dot, `node_modules` and links to folders are left out. Paths are relative as those given, with `/` between the parts.
 * @throws FileError for a path where nothing is, or a folder that cannot be listed: what is in it is not gone
 */
export async function documentFiles(
  paths: readonly string[],
  { extensions = EXTENSIONS }: DocumentFilesOptions = {},
): Promise<DocumentFile[]> {
  const found = new Set<string>()
  for (const path of paths.map((given) => normalize(given))) {
    const info = await stat(path).catch((error: Error) => {
      throw new FileError('file-not-found', `${path}: cannot be read (${error.message})`, { cause: error })
    })
    if (info.isDirectory()) for await (const file of walk(path, extensions)) found.add(file)
    else if (info.isFile()) found.add(path)
    else throw new FileError('file-unreadable', `${path}: is neither a file nor a folder`)
  }
  return [...found].map((path) => ({ path: path.split(sep).join('/'), open: () => openDisk(path) }))
}

async function* walk(folder: string, extensions: readonly string[]): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new FileError('file-unreadable', `${folder}: cannot be listed (${error.message})`, { cause: error })
  })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path, extensions)
    else if (extensions.includes(extname(entry.name).slice(1).toLowerCase()) && (await mayBeFile(entry, path)))
      yield path
  }
}

/** What is neither file nor folder, such as a pipe, is no document. A link that leads nowhere is named when it is opened. */
async function mayBeFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  const target = await stat(path).catch(() => undefined)
  return target?.isFile() ?? true
}

async function openDisk(path: string) {
  const source = await openFile(dirname(path), basename(path))
  if (source) return source
  throw new FileError('file-not-found', `${path}: there is no such file`)
}
