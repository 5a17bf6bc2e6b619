import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COMMIT, filesOf, REPOSITORY, sha256 } from '../support/fake-hub.js'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { hubTest, listing } from '../support/hub-test.js'
import { weightsPath } from '../support/weights.js'

const MINILM = filesOf(weightsPath('all-MiniLM-L6-v2'))

/** A hub, and the environment in which the command finds it. */
async function cliHub(files = new Map(MINILM)) {
  const context = await hubTest(files)
  const env: Record<string, string> = { HF_ENDPOINT: context.hub.url, HF_HUB_CACHE: context.cacheDir }
  return { ...context, env }
}

describe('glassformer download', () => {
  test('prints the folder that the model is in, which can be used', async () => {
    const { env, folder, hub } = await cliHub()
    const { code, stdout, stderr } = await runCli(['download', REPOSITORY], { env })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${join(folder, 'snapshots', COMMIT)}\n`, stderr: '' })
    const tokens = await runCli(['tokens', 'hello', '--model', stdout.trim()])
    expect(tokens.stdout).toMatch(/7592 {2}hello/)
    for (const file of [
      'config.json',
      'tokenizer.json',
      'modules.json',
      '1_Pooling/config.json',
      'model.safetensors',
    ]) {
      expect(listing(stdout.trim())).toContain(file)
    }

    hub.requests.length = 0
    expect(await runCli(['download', REPOSITORY], { env })).toEqual({ code, stdout, stderr })
    expect(hub.requests.map(({ method }) => method)).not.toContain('GET')
  })

  test('--revision and --cache', async () => {
    const { env, cacheDir, hub } = await cliHub()
    const cache = join(cacheDir, 'elsewhere')
    const { code, stdout } = await runCli(['download', REPOSITORY, '--revision', 'v1', '--cache', cache], { env })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${join(cache, 'models--some-org--tiny-model', 'snapshots', COMMIT)}\n`,
    })
    expect(hub.requests[0].path).toBe(`/${REPOSITORY}/resolve/v1/config.json`)
  })

  test('HF_TOKEN is sent to the hub', async () => {
    const { env, hub } = await cliHub()
    await runCli(['download', REPOSITORY], { env: { ...env, HF_TOKEN: 'hf_secret' } })
    const sent = (host: string) => new Set(hub.requests.filter((r) => r.host === host).map((r) => r.authorization))
    expect(sent('hub')).toEqual(new Set(['Bearer hf_secret']))
    expect(sent('storage')).toEqual(new Set([undefined]))
  })

  test.each<[string, readonly string[], Record<string, string>, RegExp]>([
    [
      'a name that cannot be one',
      ['a/b/c'],
      {},
      /^glassformer: "a\/b\/c" is not the name of a model on a hub, such as/,
    ],
    [
      'a model that is not there',
      ['some-org/other'],
      {},
      /^glassformer: some-org\/other: \S+ has no such public model;/,
    ],
    ['a revision that is not there', [REPOSITORY, '--revision', 'v9'], {}, /there is no revision "v9" at/],
    ['offline', [REPOSITORY], { HF_HUB_OFFLINE: '1' }, /nothing is downloaded in offline mode/],
  ])('that fails exits with 1 and one line: %s', async (_name, args, extra, message) => {
    const { env } = await cliHub()
    const { code, stdout, stderr } = await runCli(['download', ...args], { env: { ...env, ...extra } })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^glassformer: .*\n$/)
    expect(stderr).toMatch(message)
  })

  test.skipIf(NO_TERMINAL !== undefined)('Ctrl-C stops it, and the next call goes on from there', async () => {
    const { env, hub, folder } = await cliHub()
    const weights = hub.files.get('model.safetensors')!
    const half = Math.floor(weights.length / 2)
    hub.fault = (request, response) => {
      if (request.host !== 'storage') return false
      response.writeHead(200, { 'content-length': weights.length }).write(weights.subarray(0, half))
      return true
    }
    let pressed = false
    const { code, stdout } = await runCliOnTerminal(['download', REPOSITORY], {
      env,
      watch: (child, output) => {
        if (pressed || !/model\.safetensors \(MB\) █+░+ [\d.]+\/[\d.]+/.test(output)) return
        pressed = true
        child.stdin!.write('\u0003')
      },
    })
    expect(pressed).toBe(true)
    expect(code).toBe(1)
    expect(stdout).toContain(`glassformer: the download of ${REPOSITORY} was cancelled`)
    expect(listing(join(folder, 'blobs'))).toContain(`${sha256(weights)}.glassformer.incomplete`)

    hub.fault = undefined
    expect(await runCli(['download', REPOSITORY], { env })).toMatchObject({ code: 0, stderr: '' })
    expect(hub.requests.find(({ range }) => range !== undefined)?.range).toMatch(/^bytes=[1-9]\d*-$/)
    expect(listing(join(folder, 'blobs'))).toContain(sha256(weights))
  })
})

describe('glassformer verify', () => {
  test('finds a file of the right size and the wrong bytes, and the next download brings it again', async () => {
    const { env, folder, hub } = await cliHub()
    await runCli(['download', REPOSITORY], { env })
    hub.requests.length = 0
    const right = await runCli(['verify', REPOSITORY], { env })
    expect(right).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^some-org\/tiny-model: (\d+) of \1 files are what the hub announced\n$/) as string,
      stderr: '',
    })
    const blob = join(folder, 'blobs', sha256(hub.files.get('model.safetensors')!))
    const bytes = readFileSync(blob)
    bytes[1000] ^= 1
    writeFileSync(blob, bytes)
    const wrong = await runCli(['verify', REPOSITORY], { env })
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toMatch(
      /^model\.safetensors: does not have the hash that the hub announced\nglassformer: some-org\/tiny-model: 1 of \d+ files are not what the hub announced; the next load downloads them again/,
    )
    expect(hub.requests, 'nobody is asked').toEqual([])
    await runCli(['download', REPOSITORY], { env })
    expect(await runCli(['verify', REPOSITORY], { env })).toEqual(right)
  })

  test('of a model that the cache does not have says so', async () => {
    const { env } = await cliHub()
    const { code, stderr } = await runCli(['verify', 'some-org/other'], { env })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^glassformer: some-org\/other: \S+ has nothing of revision "main"; "glassformer download" br/,
    )
  })
})

test('inspect and tokens take the name of a model on the hub', async () => {
  const { env } = await cliHub()
  const inspected = await runCli(['inspect', REPOSITORY], { env })
  expect(inspected).toMatchObject({ code: 0, stderr: '' })
  expect(inspected.stdout).toMatch(/^family {6}bert\n/)
  const { stdout } = await runCli(['tokens', 'hello world', '--model', REPOSITORY], { env })
  expect(stdout).toBe('   101  [CLS]\n  7592  hello\n  2088  world\n   102  [SEP]\n4 tokens\n')
})
