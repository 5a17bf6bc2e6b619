/**
 * A page in chromium that has gpu.js, for modes that Node has not.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium, type Page } from 'playwright-core'
import { findChromium } from '../../test/support/find-chromium.js'
import { packageFolder, PeerMissing } from '../peers/install.js'

export interface GpuPage {
  readonly page: Page
  close(): Promise<void>
}

/** WebGPU on the software renderer too, where there is no GPU. */
const ARGUMENTS = ['--headless', '--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

/** @throws PeerMissing where there is no chromium or no gpu.js */
export async function openGpuPage(): Promise<GpuPage> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new PeerMissing('there is no chromium')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    platform: 'browser',
    external: ['node:*'],
    alias: { 'gpu.js': join(await packageFolder('gpu.js'), 'dist/gpu-browser.js') },
    logLevel: 'silent',
  })
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? outputFiles[0].contents : '<!doctype html><script type="module" src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
  const page = await browser.newPage()
  page.setDefaultTimeout(0)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return {
    page,
    close: async () => {
      await browser.close()
      server.close()
    },
  }
}
