/**
 * Where downloaded files are kept: a folder in Node (node-cache.ts), the page's own storage in a browser (page-cache.ts). Contents are
 * stored once, by ETag; a snapshot names the files of a commit; a reference says which commit a branch was last seen at.
 */
import type { ByteSource } from '../files/byte-source.js'
import type { HubFile } from './locate.js'

/** The cache of one model. */
export interface HubCache {
  /** Where it is, for messages. */
  readonly name: string
  /** The commit that a branch or tag was last seen at. */
  commitOf(revision: string): Promise<string | undefined>
  keepRevision(revision: string, commit: string): Promise<void>
  /** A file of a snapshot, or undefined when it is not here. @throws HubError `cache-damaged` when its content has changed since it came */
  open(commit: string, file: string): Promise<ByteSource | undefined>
  /** Whether the model is known to have no such file at this commit. */
  isAbsent(commit: string, file: string): Promise<boolean>
  keepAbsent(commit: string, file: string): Promise<void>
  /** Puts a file into a snapshot whose content is here already; false when it is not, or has changed since it came. */
  link(commit: string, found: HubFile): Promise<boolean>
  /** The content of a file that is being downloaded, with what an earlier try has left of it. */
  begin(found: HubFile): Promise<PartialContent>
  /** Starts the hash that an ETag of this kind needs. */
  createHash(algorithm: HashAlgorithm): Hash
  /** Runs `work` while nobody else here runs it for the same content. */
  exclusive<T>(etag: string, work: () => Promise<T>): Promise<T>
  /** Name of the folder of a snapshot. */
  snapshot(commit: string): string
}

export type HashAlgorithm = 'sha1' | 'sha256'

export interface Hash {
  update(bytes: Uint8Array): void
  /** Hexadecimal digits, lower case. */
  digest(): string
}

/** Content on its way. Nothing of it can be seen under its own name before `keep`. */
export interface PartialContent {
  /** Bytes that are here. */
  readonly length: number
  append(bytes: Uint8Array): Promise<void>
  /** Everything that is here, in pieces. */
  read(): AsyncIterable<Uint8Array>
  /** Throws away what is here and begins anew. */
  restart(): Promise<void>
  /** It is whole: gives it its own name. */
  keep(): Promise<void>
  /** Stops here, so that another try goes on from here. Does nothing after `keep`. */
  release(): Promise<void>
}

const RUNNING = new Map<string, Promise<unknown>>()

/** Runs `work` after what is running under the same name in this program. */
export async function oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
  while (RUNNING.has(name)) await RUNNING.get(name)!.catch(() => {})
  const running = work()
  RUNNING.set(name, running)
  try {
    return await running
  } finally {
    RUNNING.delete(name)
  }
}
