/**
 * A program of ours as a process whose memory is asked for: `report-memory.mjs` answers in it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const REPORT = new URL('report-memory.mjs', import.meta.url).href

export const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

export interface Watched {
  readonly child: ChildProcess
  /** Next text that it prints. @throws Error when it ends in place of that */
  next(): Promise<string>
  /** Resident memory in bytes, after all that nobody holds has been collected. */
  memory(): Promise<number>
}

/** Starts `node SCRIPT ARGS`. What it prints to its second output comes to ours. */
export function startWatched(script: string, args: readonly string[]): Watched {
  const child = spawn(process.execPath, ['--expose-gc', '--import', REPORT, script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
  })
  const unlessEnded = <T>(wait: (resolve: (value: T) => void) => void) =>
    new Promise<T>((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`${script} ended with ${code}`))
      child.once('exit', onExit)
      wait((value) => {
        child.off('exit', onExit)
        resolve(value)
      })
    })
  return {
    child,
    next: () => unlessEnded<string>((resolve) => child.stdout!.once('data', (text) => resolve(String(text)))),
    memory: () =>
      unlessEnded<number>((resolve) => {
        child.once('message', (bytes) => resolve(Number(bytes)))
        child.send('memory')
      }),
  }
}
