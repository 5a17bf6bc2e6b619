/**
 * `glassformer explore` as a user starts it: another process that serves the page until Ctrl-C.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as httpServer } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explorerPages, listen } from '../../src/cli/explorer-server.js'
import { runCli, type CliResult } from '../support/cli.js'
import { weightsPath } from '../support/weights.js'

/** Runs the command, visits its page, and presses Ctrl-C. */
async function explore(
  args: readonly string[],
  visit: (address: string, child: ChildProcess) => Promise<unknown>,
  env?: Record<string, string>,
): Promise<CliResult> {
  let visited: Promise<unknown> | undefined
  const result = await runCli(['explore', ...args], {
    env,
    watch: (child, stdout) => {
      const address = /at (http:\S+)\n/.exec(stdout)?.[1]
      if (address === undefined || visited) return
      visited = visit(address, child).finally(() => child.kill('SIGINT'))
    },
  })
  await visited
  return result
}

/** What a server answers to a path that is sent as it is: clients like fetch() tidy `..` away. */
function statusOf(address: string, path: string, method = 'GET'): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () =>
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
    )
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer.split('\r\n')[0]))
  })
}

const OPTIONS = ['--port', '0', '--no-open']

describe('glassformer explore', () => {
  test('serves the page, the kernels and the models to this computer, until Ctrl-C', async () => {
    const result = await explore(OPTIONS, async (address) => {
      expect(new URL(address).hostname).toBe('127.0.0.1')
      const page = await fetch(address)
      expect(page.status).toBe(200)
      expect(Object.fromEntries(page.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'x-content-type-options': 'nosniff',
      })
      const policy = page.headers.get('content-security-policy')!
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'")
      expect(policy).not.toMatch(/unsafe-(inline|eval'.*unsafe-eval)/)
      const html = await page.text()
      const parts = [...html.matchAll(/(?:src|href)="(code\/[^"]+)"/g)].map(([, path]) => path)
      expect(parts).toContain('code/main.js')
      const types: Record<string, string> = { js: 'text/javascript', css: 'text/css', wasm: 'application/wasm' }
      for (const path of [...parts, 'code/engine.js', 'kernels/worker.js', 'kernels/relaxed-shared.wasm']) {
        const { status, headers } = await fetch(address + path, { method: 'HEAD' })
        expect(status, path).toBe(200)
        expect(headers.get('content-type'), path).toContain(types[path.split('.').at(-1)!])
      }

      const { files } = (await (await fetch(`${address}weights/files.json`)).json()) as {
        files: Record<string, number>
      }
      expect(Object.keys(files)).toContain('reader/model.safetensors')
      for (const [path, size] of Object.entries(files)) expect(size, path).toBe(statSync(weightsPath(path)).size)
      const config = await fetch(`${address}weights/reader/config.json`)
      expect(await config.text()).toBe(readFileSync(weightsPath('reader/config.json'), 'utf8'))
    })
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^The explorer is at http:\/\/127\.0\.0\.1:\d+\/\nCtrl-C ends it\.\n$/)
  })

  test('no address reaches another file', async () => {
    await explore(OPTIONS, async (address) => {
      for (const path of [
        '/../package.json',
        '/weights/../package.json',
        '/weights/..%2f..%2fpackage.json',
        '/weights/%2e%2e/%2e%2e/package.json',
        '/kernels/..\\..\\package.json',
        '//etc/passwd',
        '/weights/recipe/make_data.py',
        '/weights/',
        '/%',
      ]) {
        expect(await statusOf(address, path), path).toBe('HTTP/1.1 404 Not Found')
      }
      expect(await statusOf(address, '/', 'POST')).toBe('HTTP/1.1 405 Method Not Allowed')
      expect(await statusOf(address, '/?question=1')).toBe('HTTP/1.1 200 OK')
    })
  })

  test('the page that offers the documents of a server comes whole', async () => {
    const server = httpServer(await explorerPages({ api: true }))
    try {
      const page = await (await fetch(await listen(server, 0, '127.0.0.1'))).text()
      expect(page).toContain('<meta name="glassformer-api" content="api/" />')
      expect(page.trimEnd()).toMatch(/<\/html>$/)
    } finally {
      server.close()
    }
  })

  test('a port that is taken is said, with what to do', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    try {
      expect(await runCli(['explore', '--no-open', '--port', String(port)])).toEqual({
        code: 1,
        stdout: '',
        stderr: `glassformer: port ${port} is taken by another program; choose another one with --port, or --port 0 for any that is free\n`,
      })
    } finally {
      other.close()
    }
  })

  test.each(['many', '-1', '65536'])('--port %s is refused', async (port) => {
    const { code, stderr } = await runCli(['explore', `--port=${port}`])
    expect(code).toBe(2)
    expect(stderr).toContain(`--port is "${port}", expected`)
  })

  const onLinux = process.platform === 'linux'
  test.skipIf(!onLinux)(
    `opens the browser${onLinux ? '' : ': skipped, its program is replaced on Linux only'}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'glassformer-open-'))
      const noted = join(folder, 'noted')
      const opener = join(folder, 'xdg-open')
      const untilNoted = async () => {
        for (let i = 0; i < 500 && !statSync(noted, { throwIfNoEntry: false })?.size; i++) {
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      try {
        writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > ${noted}\n`)
        chmodSync(opener, 0o755)
        const path = `${folder}:${process.env.PATH}`
        const opened = await explore(['--port', '0'], untilNoted, { PATH: path })
        expect(opened.stdout).toContain(`at ${readFileSync(noted, 'utf8')}\n`)
        expect(opened.stderr).toBe('')

        writeFileSync(opener, '#!/bin/sh\nexit 3\n')
        const said = (_: string, { stderr }: ChildProcess) => once(stderr!, 'data')
        const failed = await explore(['--port', '0'], said, { PATH: path })
        expect(failed.code).toBe(0)
        expect(failed.stderr).toBe('No browser could be opened (xdg-open ended with 3); open the address yourself.\n')
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  )
})
