/**
 * Writing into the folder of the cache and nowhere else: no folder on the way to what is written may be a link, and what is written has a
 * name that nobody could foresee until it is whole. Needs Node.
 */
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { isCode } from '../files/system-error.js'
import { HubError } from './errors.js'
import type { HubFile } from './locate.js'

/** Makes a folder in the cache, which is at `root`. @throws HubError `cache-link` when the way to it has a link */
export async function makeFolder(root: string, folder: string): Promise<void> {
  await mkdir(root, { recursive: true })
  let at = root
  for (const part of relative(root, folder).split(sep)) {
    at = join(at, part)
    await mkdir(at).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error
    })
    if ((await lstat(at)).isDirectory()) continue
    throw new HubError(
      'cache-link',
      `${at}: is a link or a file where the cache has a folder; nothing is written through it, delete it or name the folder that it leads to by --cache or cacheDir`,
    )
  }
}

/** The name of something that is not whole yet. */
export function freshName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
}

/** Writes a small file that saves work later. A cache that may only be read does without. */
export async function note(root: string, path: string, content: string): Promise<void> {
  const old = await readFile(path, 'utf8').catch(() => undefined)
  if (old?.trim() === content) return
  const fresh = freshName(path)
  try {
    await makeFolder(root, dirname(path))
    await writeFile(fresh, content, { flag: 'wx' })
    await rename(fresh, path)
  } catch {
    await rm(fresh, { force: true }).catch(() => {})
  }
}

/** A link from a snapshot to a content, in the place of what is there. Where links are not allowed (Windows), the content moves. */
export async function link(root: string, content: string, pointer: string): Promise<void> {
  await makeFolder(root, dirname(pointer))
  const fresh = freshName(pointer)
  try {
    await symlink(relative(dirname(pointer), content), fresh)
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOSYS', 'ENOTSUP')) throw error
    await rename(content, pointer)
    return
  }
  await rename(fresh, pointer)
}

/** Turns what the file system refuses into an error that says what to do. */
export async function writing<T>(root: string, work: () => Promise<T>, found?: HubFile): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    const elsewhere = 'another folder is named by --cache or cacheDir, or by HF_HUB_CACHE'
    if (isCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) {
      const what = found ? ` for ${found.file} of ${found.size} bytes` : ''
      throw new HubError('cache-full', `${root}: there is no room${what}; make some (${elsewhere})`, { cause: error })
    }
    throw new HubError('cache-unwritable', `${root}: the cache cannot be written (${error.message}); ${elsewhere}`, {
      cause: error,
    })
  }
}
