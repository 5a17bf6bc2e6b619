/**
 * What an ETag says about a content. 64 digits are its SHA-256; 40 are git's id, the SHA-1 of a line with the size and the content, or,
 * from some mirrors, the SHA-1 of the content alone. Others say nothing: the size has to do.
 */
import type { Hash, HashAlgorithm } from './cache.js'
import type { HubFile } from './locate.js'

/** Whether the ETag is a hash. */
export function isHash(etag: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)
}

/** Whether the content has the hash that the ETag is; true where it is none, and then nothing is read. */
export async function isContentOf(
  { etag, size }: Pick<HubFile, 'etag' | 'size'>,
  content: AsyncIterable<Uint8Array>,
  createHash: (algorithm: HashAlgorithm) => Hash,
): Promise<boolean> {
  if (!isHash(etag)) return true
  const hashes: Hash[] = []
  if (etag.length === 64) hashes.push(createHash('sha256'))
  else {
    const git = createHash('sha1')
    git.update(new TextEncoder().encode(`blob ${size}\0`))
    hashes.push(git, createHash('sha1'))
  }
  for await (const bytes of content) for (const hash of hashes) hash.update(bytes)
  return hashes.some((hash) => hash.digest() === etag)
}
