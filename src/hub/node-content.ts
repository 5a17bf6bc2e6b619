/**
 * Whether a content in the cache is still what its name says, which is its hash. To hash a model takes seconds, so a content that was
 * found right gets a seal: size and times of its file, in `.glassformer/<etag>` of the model's folder. It is hashed again when these have
 * changed, as any program that writes to it changes them; what a disk forgets by itself changes no time and is found by `verifySnapshot` alone.
 * Needs Node.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import type { Hash, HashAlgorithm } from './cache.js'
import { isContentOf, isHash } from './content-hash.js'
import { note } from './node-writing.js'

/** Node's own hashes, which are fast. */
export function nodeHash(algorithm: HashAlgorithm): Hash {
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
}

/** Says of a content that it is right. */
export async function seal(root: string, content: string): Promise<void> {
  await note(root, sealOf(content), await stampOf(content))
}

/** Whether a content is right: it has its seal, or its hash is its name. One whose name is no hash is believed. */
export async function isRight(root: string, content: string): Promise<boolean> {
  if (!isHash(basename(content))) return true
  const sealed = await readFile(sealOf(content), 'utf8').catch(() => undefined)
  if (sealed === (await stampOf(content))) return true
  if (!(await hasItsHash(content))) return false
  await seal(root, content)
  return true
}

/** The content that a file of a snapshot is a link to; undefined for what is no such link. */
export async function contentOf(pointer: string): Promise<string | undefined> {
  const target = await readlink(pointer).catch(() => undefined)
  const content = target === undefined ? undefined : resolve(dirname(pointer), target)
  return content !== undefined && basename(dirname(content)) === 'blobs' ? content : undefined
}

/** A file of a snapshot, compared with its hash. */
export interface VerifiedFile {
  readonly file: string
  /** `unknown`: the cache does not say which hash it should have. */
  readonly state: 'right' | 'damaged' | 'missing' | 'unknown'
}

/** Hashes every file of a snapshot, whatever its seal says, and takes the seal off those that are damaged. */
export async function verifySnapshot(snapshot: string): Promise<VerifiedFile[]> {
  const entries = await readdir(snapshot, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))
  const verified: VerifiedFile[] = []
  for (const path of paths.sort()) {
    const file = path
      .slice(snapshot.length + 1)
      .split(sep)
      .join('/')
    verified.push({ file, state: await stateOf(path) })
  }
  return verified
}

async function stateOf(pointer: string): Promise<VerifiedFile['state']> {
  const content = await contentOf(pointer)
  if (content === undefined) return 'unknown'
  if (!(await stat(content).catch(() => undefined))) return 'missing'
  if (!isHash(basename(content))) return 'unknown'
  if (await hasItsHash(content)) return 'right'
  await rm(sealOf(content), { force: true }).catch(() => {}) // the next load finds it, too
  return 'damaged'
}

async function hasItsHash(content: string): Promise<boolean> {
  const { size } = await stat(content)
  const bytes = createReadStream(content, { highWaterMark: 1 << 20 })
  return isContentOf({ etag: basename(content), size }, bytes, nodeHash)
}

function sealOf(content: string): string {
  return join(dirname(dirname(content)), '.glassformer', basename(content))
}

async function stampOf(content: string): Promise<string> {
  const { size, mtimeMs, ctimeMs } = await stat(content)
  return `${size} ${mtimeMs} ${ctimeMs}`
}
