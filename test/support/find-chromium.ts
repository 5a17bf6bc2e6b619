/**
 * The chromium of this machine.
 */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const ELSEWHERE = [
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
/** Path of the one at CHROMIUM_PATH or at a usual place; undefined where there is none. @throws Error when CHROMIUM_PATH names no file */
export function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH
  if (given !== undefined && !existsSync(given)) throw new Error(`CHROMIUM_PATH is "${given}", where there is no file`)
  const folders = (process.env.PATH ?? '').split(delimiter)
  const usual = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return given ?? [...usual, ...ELSEWHERE].find((path) => existsSync(path))
}
