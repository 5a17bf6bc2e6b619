/**
 * Chromium for the browser tests: the one at CHROMIUM_PATH or at a usual place. Where there is none, a root user of a machine
 * with apt-get (a CI container) gets Debian's package; everyone else is told what to do.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the program. */
    chromium: string
  }
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const ELSEWHERE = [
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Called once, before the tests. */
export function setup(project: TestProject): void {
  const path = findChromium() ?? installChromium()
  if (path === undefined) {
    throw new Error('browser tests need chromium: install it (Debian: apt-get install chromium) or set CHROMIUM_PATH')
  }
  project.provide('chromium', path)
}

/** A browser with a profile of its own, which goes when it is closed. */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: inject('chromium'), args: [...ARGUMENTS, ...more] })
}

function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH
  if (given !== undefined && !existsSync(given)) throw new Error(`CHROMIUM_PATH is "${given}", where there is no file`)
  const folders = (process.env.PATH ?? '').split(delimiter)
  const usual = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return given ?? [...usual, ...ELSEWHERE].find((path) => existsSync(path))
}

function installChromium(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  console.log('installing the package chromium with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', 'chromium']]) {
    execFileSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env })
  }
  return findChromium()
}
