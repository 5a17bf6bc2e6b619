/**
 * Single keys from a terminal, for what is shown step by step.
 */
import type { ReadStream } from 'node:tty'

/** Enter and space; q, Ctrl-C and Ctrl-D. Escape stops too, but is also the first character of other keys. */
const ON = ['\r', '\n', ' ']
const STOP = ['q', 'Q', '\u0003', '\u0004']
const ESCAPE = '\u001b'

/** Whether a person is there to press a key. */
export function hasKeys(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true
}

/** Waits for a key that means something, and says whether to go on. */
export function goesOn(signal: AbortSignal): Promise<boolean> {
  const input = process.stdin as ReadStream
  return new Promise((resolve) => {
    const done = (on: boolean) => {
      input.off('data', pressed)
      signal.removeEventListener('abort', aborted)
      input.setRawMode(false)
      input.pause()
      resolve(on)
    }
    const aborted = () => done(false)
    const pressed = (bytes: Buffer) => {
      const keys = bytes.toString() // several, of somebody quick
      if (keys === ESCAPE || STOP.some((key) => keys.includes(key))) done(false)
      else if (ON.some((key) => keys.includes(key))) done(true)
    }
    signal.addEventListener('abort', aborted, { once: true })
    input.setRawMode(true)
    input.resume()
    input.on('data', pressed)
  })
}
