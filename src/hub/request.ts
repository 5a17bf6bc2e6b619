/**
 * One request to a hub: the token, redirects, tries again where that can help, and an error that says what to do where it
 * cannot.
 *
 * A hub answers `resolve` addresses of large files with a redirect to another host. In Node redirects are followed here, so
 * that the token stays with the hub's own origin and the headers of every hop can be read; in a page the browser follows them,
 * and takes the token off by itself.
 */
import { HubError } from './errors.js'
import { isNode, type HubSettings } from './options.js'
import { inTime, pause, throwIfAborted, waitFor } from './retry.js'

export interface HubRequest {
  readonly method?: 'GET' | 'HEAD'
  /** First byte to send. */
  readonly from?: number
  readonly signal?: AbortSignal
  /** 5 unless told. */
  readonly tries?: number
  /** The model, for messages: `org/name`. */
  readonly repository: string
  /** Statuses beside 2xx that are an answer too. */
  readonly answers?: readonly number[]
  /** Whether to stop at a redirect to another host whose headers already say what is asked. */
  readonly enough?: (headers: Headers) => boolean
}

export interface HubResponse {
  readonly response: Response
  /** The first hop's header of this name; the first hop is the hub itself. */
  header(name: string): string | undefined
}

const TRIES = 5
const MOST_REDIRECTS = 10
const TRY_AGAIN = [408, 429, 500, 502, 503, 504]

/** @throws HubError, AbortedError */
export async function hubRequest(url: string, settings: HubSettings, request: HubRequest): Promise<HubResponse> {
  const { tries: most = TRIES } = request
  for (let tries = 1; ; tries++) {
    const answer = await follow(url, settings, request).catch((error: unknown) => {
      throwIfAborted(request.signal, request.repository)
      if (error instanceof HubError) throw error
      if (tries < most) return undefined
      const cause = (error as Error).cause ?? error
      const reason = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : ''
      throw new HubError(
        'hub-unreachable',
        `${request.repository}: ${settings.endpoint} cannot be reached${reason}; check the address and the connection`,
        { cause: error },
      )
    })
    if (answer) {
      const { status, ok } = answer.response
      if (ok || (status >= 300 && status < 400) || request.answers?.includes(status)) return answer
      await answer.response.body?.cancel()
      if (tries === most || !TRY_AGAIN.includes(status)) {
        throw refusal(url, settings, request.repository, answer)
      }
    }
    await pause(waitFor(answer?.response, tries), request.signal, request.repository)
  }
}

async function follow(url: string, settings: HubSettings, request: HubRequest): Promise<HubResponse> {
  const { method = 'GET', from = 0, signal, enough } = request
  const home = new URL(settings.endpoint).origin
  const hops: Headers[] = []
  const header = (name: string) => hops.map((headers) => headers.get(name)).find((value) => value !== null) ?? undefined
  let at = new URL(url)
  for (let redirects = 0; ; redirects++) {
    const headers = new Headers()
    if (from > 0) headers.set('range', `bytes=${from}-`)
    if (isNode()) headers.set('accept-encoding', 'identity') // sizes are those of the file
    if (settings.token !== undefined && at.origin === home) headers.set('authorization', `Bearer ${settings.token}`)
    const response = await inTime(settings.stallSeconds, (late) =>
      fetch(at, {
        method,
        headers,
        signal: signal ? AbortSignal.any([signal, late]) : late,
        redirect: isNode() ? 'manual' : 'follow',
      }),
    )
    hops.push(response.headers)
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return { response, header }
    const next = URL.canParse(location, at.href) ? new URL(location, at) : undefined
    if (next && next.origin !== home && enough?.(response.headers)) return { response, header }
    await response.body?.cancel()
    const downgrade = at.protocol === 'https:' && next?.protocol !== 'https:'
    if (!next || !/^https?:$/.test(next.protocol) || downgrade || redirects === MOST_REDIRECTS) {
      throw new HubError(
        'hub-http-error',
        `${at.href}: the server redirects to ${JSON.stringify(location)}, ${redirects === MOST_REDIRECTS ? 'one time too often' : 'which is not followed'}`,
      )
    }
    at = next
  }
}

/** The error that an answer stands for. */
export function refusal(
  url: string,
  settings: HubSettings,
  repository: string,
  { response, header }: HubResponse,
): HubError {
  const { status, statusText } = response
  const unexplained = new HubError(
    status >= 500 ? 'hub-unavailable' : 'hub-http-error',
    `${repository}: ${url}: the server answered ${status} ${statusText}`.trimEnd(),
  )
  if (response.url !== '' && new URL(response.url).origin !== new URL(settings.endpoint).origin) return unexplained
  const reason = header('x-error-code')
  const page = `${settings.endpoint}/${repository}`
  if (reason === 'GatedRepo' || status === 403) {
    const who = settings.token === undefined ? 'pass a token (option token, or HF_TOKEN)' : 'use a token'
    return new HubError(
      'hub-forbidden',
      `${repository}: access is restricted; accept its licence at ${page} and ${who} of that account that may read it`,
    )
  }
  if (reason === 'RevisionNotFound') {
    return new HubError('hub-no-revision', `${repository}: there is no revision "${settings.revision}" at ${page}`)
  }
  if (status === 401) {
    return settings.token === undefined
      ? new HubError(
          'hub-unauthorized',
          `${repository}: ${settings.endpoint} has no such public model; check the name (a folder here would be ./${repository}), or pass a token (option token, or HF_TOKEN) if it is private`,
        )
      : new HubError(
          'hub-unauthorized',
          `${repository}: ${settings.endpoint} does not accept the token for it; check the name, and that the token (option token, or HF_TOKEN) is valid and may read it`,
        )
  }
  if (status === 404) {
    return new HubError(
      'hub-not-found',
      `${repository}: there is no such model at ${settings.endpoint}; check the name (a folder here would be ./${repository})`,
    )
  }
  if (status === 429) {
    return new HubError(
      'hub-rate-limited',
      `${repository}: ${settings.endpoint} has had too many requests from here; wait, or pass a token (option token, or HF_TOKEN)`,
    )
  }
  return unexplained
}
