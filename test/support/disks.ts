/**
 * Disks with little room and folders that may not be written, for tests of what is left when a program meets one.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const NOBODY = 65_534

/** Why no small disk can be had here, or undefined when one can. */
export const NO_SMALL_DISK = noSmallDisk()

/** A disk of its own in memory, and what takes it away. Linux, with the right to mount. */
export function smallDisk(kilobytes: number): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'glassformer-test', folder], { stdio: 'pipe' })
  return {
    folder,
    remove: () => {
      execFileSync('umount', ['--lazy', folder])
      rmSync(folder, { recursive: true })
    },
  }
}

function noSmallDisk(): string | undefined {
  try {
    smallDisk(64).remove()
    return undefined
  } catch (error) {
    return `no disk of its own can be mounted here: ${(error as Error).message.trim()}`
  }
}

/** Runs `work` while nothing can be made, renamed or deleted in a folder. Root, whom no mode keeps out, is somebody else meanwhile. */
export async function whileReadOnly(folder: string, work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid!() === 0
  chmodSync(folder, 0o555)
  if (isRoot) {
    chownSync(folder, NOBODY, NOBODY)
    process.seteuid!(NOBODY)
  }
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid!(0)
    chmodSync(folder, 0o755)
  }
}
