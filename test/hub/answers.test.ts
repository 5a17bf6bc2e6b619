import { describe, expect, test, vi } from 'vitest'
import { hasFile } from '../../src/files/folder.js'
import { hub, type HubOptions } from '../../src/hub/index.js'
import { waitFor, type pause } from '../../src/hub/retry.js'
import { COMMIT, REPOSITORY, sendContent, type Fault } from '../support/fake-hub.js'
import { fetchFile, hubTest } from '../support/hub-test.js'

vi.mock('../../src/hub/retry.js', async (original) => {
  const real = await original<{ pause: typeof pause; waitFor: typeof waitFor }>()
  return { ...real, pause: (...[, ...rest]: Parameters<typeof pause>) => real.pause(0, ...rest) }
})

/** Every request gets this. */
const always =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (_request, response) => {
    response.writeHead(status, headers).end()
    return true
  }

describe('what a hub refuses is an error that says what to do', () => {
  test.each<[string, Fault, HubOptions, string, RegExp]>([
    [
      'a model that is not there, or private',
      always(401, { 'x-error-code': 'RepoNotFound' }),
      {},
      'hub-unauthorized',
      /has no such public model; check the name \(a folder here would be \.\/some-org\/tiny-model\), or pass a token \(option token, or HF_TOKEN\)/,
    ],
    [
      'a token that is not accepted',
      always(401),
      { token: 'hf_old' },
      'hub-unauthorized',
      /does not accept the token for it; check the name, and that the token/,
    ],
    [
      'a licence that has to be accepted, without a token',
      always(401, { 'x-error-code': 'GatedRepo' }),
      {},
      'hub-forbidden',
      /access is restricted; accept its licence at http:\S+\/some-org\/tiny-model and pass a token/,
    ],
    ['the same with the token of another account', always(403), { token: 'hf_x' }, 'hub-forbidden', /and use a token/],
    [
      'a model that is not there, by name',
      always(404, { 'x-error-code': 'RepoNotFound' }),
      {},
      'hub-not-found',
      /there is no such model at http:/,
    ],
    [
      'a revision that is not there',
      always(404, { 'x-error-code': 'RevisionNotFound' }),
      { revision: 'v9' },
      'hub-no-revision',
      /there is no revision "v9" at http:/,
    ],
    ['too many requests', always(429), {}, 'hub-rate-limited', /has had too many requests from here; wait, or pass a/],
    [
      'a server that fails',
      always(500),
      {},
      'hub-unavailable',
      /config\.json: the server answered 500 Internal Server/,
    ],
    ['an odd status', always(418), {}, 'hub-http-error', /the server answered 418/],
  ])('%s', async (_name, fault, options, code, message) => {
    const { hub: server, options: where } = await hubTest()
    server.fault = fault
    const opening = fetchFile('config.json', { ...where, ...options })
    await expect(opening).rejects.toMatchObject({ name: 'HubError', code })
    await expect(opening).rejects.toThrow(message)
    await expect(opening).rejects.toThrow(/^some-org\/tiny-model: /)
    await expect(opening).rejects.not.toThrow(/hf_old/)
  })

  test('a server that is not there', async () => {
    const { hub: server, options } = await hubTest()
    await server.close()
    const opening = fetchFile('config.json', options)
    await expect(opening).rejects.toMatchObject({ code: 'hub-unreachable' })
    await expect(opening).rejects.toThrow(
      /http:\S+ cannot be reached \(.*ECONNREFUSED.*\); check the address and the con/,
    )
  })
})

describe('what passes is tried again', () => {
  test.each([429, 500, 502, 503, 504])('%i, four times', async (status) => {
    const { hub: server, options } = await hubTest()
    let left = 4
    server.fault = (request, response, content) => left-- > 0 && always(status)(request, response, content)
    expect(await fetchFile('config.json', options)).toBe(true)
    expect(server.requests.length).toBe(4 + 2)
  })

  test('and not what does not: 401, 403, 404', async () => {
    for (const status of [401, 403, 404]) {
      const { hub: server, options } = await hubTest()
      server.fault = always(status)
      await fetchFile('config.json', options).catch(() => {}) // prettier-ignore
      expect(server.requests, `${status}`).toHaveLength(1)
    }
  })

  test('after a wait that doubles, or that the server asks for, up to a minute', () => {
    expect([1, 2, 3, 4].map((tries) => waitFor(undefined, tries))).toEqual([500, 1000, 2000, 4000])
    const asking = (value: string) => new Response('', { headers: { 'retry-after': value } })
    expect(waitFor(asking('7'), 1)).toBe(7000)
    expect(waitFor(asking('86400'), 1)).toBe(60_000)
    expect(waitFor(asking('Wed, 21 Oct 2026 07:28:00 GMT'), 1)).toBe(500)
  })

  test('a signal ends the wait', async () => {
    const { pause: realPause } = await vi.importActual<{ pause: typeof pause }>('../../src/hub/retry.js')
    const controller = new AbortController()
    const waiting = realPause(1e9, controller.signal, REPOSITORY)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('an answer of something else is refused', () => {
  const with200 = (headers: Record<string, string>): Fault => always(200, headers)
  const etag = '"0123456789012345678901234567890123456789"'
  test.each<[string, Fault, RegExp]>([
    ['without a commit', with200({ etag, 'content-length': '3' }), /there is no x-repo-commit/],
    [
      'with a commit that leads elsewhere',
      with200({ 'x-repo-commit': '../../etc' }),
      /x-repo-commit is "\.\.\/\.\.\/etc"/,
    ],
    ['without an ETag', with200({ 'x-repo-commit': COMMIT, 'content-length': '3' }), /the ETag is ""/],
    [
      'with an ETag that leads elsewhere',
      with200({ 'x-repo-commit': COMMIT, etag: '"../../x"', 'content-length': '3' }),
      /the ETag is "\.\.\/\.\.\/x"/,
    ],
    [
      'with a size that is none',
      with200({ 'x-repo-commit': COMMIT, etag, 'x-linked-size': '1e400' }),
      /the size is "1e400"/,
    ],
    ['with a negative size', with200({ 'x-repo-commit': COMMIT, etag, 'x-linked-size': '-5' }), /the size is "-5"/],
  ])('%s', async (_name, fault, message) => {
    const { hub: server, options } = await hubTest()
    server.fault = fault
    const opening = fetchFile('config.json', options)
    await expect(opening).rejects.toMatchObject({ code: 'hub-not-a-hub' })
    await expect(opening).rejects.toThrow(message)
  })

  test('a redirect to no web address, or in circles', async () => {
    for (const location of ['file:///etc/passwd', 'data:text/plain,x', 'http://', '/some-org/tiny-model']) {
      const { hub: server, options } = await hubTest()
      server.fault = always(302, { location })
      const opening = fetchFile('config.json', options)
      await expect(opening, location).rejects.toMatchObject({ code: 'hub-http-error' })
    }
  })
})

describe('the token', () => {
  const sentTo = async (options: HubOptions, fault?: Fault) => {
    const { hub: server, options: where } = await hubTest()
    server.fault = fault
    await fetchFile('model.safetensors', { ...where, ...options })
    return server.requests.map(({ host, authorization }) => [host, authorization])
  }

  test('goes to the hub and not to the storage that it redirects to', async () => {
    const token = 'Bearer hf_secret'
    expect(await sentTo({ token: 'hf_secret' })).toEqual([['hub', token], ['hub', token], ['storage', undefined]]) // prettier-ignore
  })

  test('stays when the hub redirects within itself, as for a model that was renamed', async () => {
    const fault: Fault = ({ path }, response) => {
      if (path.startsWith('/renamed/')) return false
      const location = path.replace('/some-org/tiny-model/', '/renamed/model/')
      response.writeHead(307, { location }).end()
      return true
    }
    const { hub: server, options } = await hubTest()
    server.fault = fault
    await fetchFile('config.json', { ...options, token: 'hf_x' }).catch(() => {}) // prettier-ignore
    expect(server.requests.map(({ path }) => path.split('/')[1])).toEqual(['some-org', 'renamed'])
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer hf_x', 'Bearer hf_x'])
  })

  test('is HF_TOKEN unless another or none is asked for', async () => {
    const { hub: server, options } = await hubTest()
    vi.stubEnv('HF_TOKEN', 'hf_environment\n')
    for (const token of [undefined, 'hf_option', false] as const) {
      await fetchFile('other.json', { ...options, token })
      server.requests.splice(1, Infinity)
      const [{ authorization }] = server.requests.splice(0)
      expect(authorization).toBe(token === false ? undefined : `Bearer ${token ?? 'hf_environment'}`)
    }
  })

  test('that cannot be one is refused, and not shown', async () => {
    expect(() => hub(REPOSITORY, { token: 'hf_a b\r\nx: y' })).toThrow(
      /the access token .* has characters that no token/,
    )
    expect(() => hub(REPOSITORY, { token: 'hf_ä' })).not.toThrow(/hf_ä/)
  })
})

test('the endpoint is HF_ENDPOINT unless another is asked for', async () => {
  const { hub: server, cacheDir } = await hubTest()
  vi.stubEnv('HF_ENDPOINT', `${server.url}/`)
  await fetchFile('config.json', { cacheDir })
  expect(server.requests.length).toBeGreaterThan(0)
  for (const endpoint of ['ftp://example.org', 'example.org', 'http://']) {
    expect(() => hub(REPOSITORY, { endpoint }), endpoint).toThrow(/the hub's address .* expected an http\(s\) URL/)
  }
})

test('what a storage refuses is not taken for a refusal of the hub', async () => {
  const { hub: server, options } = await hubTest()
  server.fault = (request, response, content) => request.host === 'storage' && always(403)(request, response, content)
  await expect(fetchFile('model.safetensors', options)).rejects.toMatchObject({ code: 'hub-http-error' })
})

test('a branch may have slashes', async () => {
  const { hub: server, options } = await hubTest()
  server.fault = (request, response, content) => {
    if (!request.path.includes('/resolve/refs/pr/1/')) return false
    response.setHeader('x-repo-commit', COMMIT).setHeader('etag', '"0123"')
    sendContent(request, response, content ?? new Uint8Array(2))
    return true
  }
  await hasFile(hub(REPOSITORY, { ...options, revision: 'refs/pr/1' }), 'config.json')
  expect(server.requests[0].path).toBe('/some-org/tiny-model/resolve/refs/pr/1/config.json')
})
