/**
 * Chromium for the browser tests: the one at CHROMIUM_PATH or at a usual place. Where there is none, a root user of a machine
 * with apt-get (a CI container) gets Debian's package; everyone else is told what to do.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { findChromium } from '../support/find-chromium.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the program. */
    chromium: string
  }
}

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

function installChromium(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  console.log('installing the package chromium with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', 'chromium']]) {
    execFileSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env })
  }
  return findChromium()
}
