/**
 * How a hub is reached: options, and the environment variables that Hugging Face's own libraries read where an option is not given.
 */
import { InputError } from '../errors.js'
import { isPlainPath } from '../files/plain-path.js'
import { HubError } from './errors.js'

export interface DownloadProgress {
  /** Name in the repository. */
  readonly file: string
  /** Bytes that are here, those of an earlier try included. */
  readonly loaded: number
  /** Bytes of the file. */
  readonly total: number
}

export interface HubOptions {
  /** Branch, tag or commit; `main` unless told. */
  readonly revision?: string
  /** Access token; `HF_TOKEN` unless told. `false` sends none. It goes to the endpoint and to no other host. */
  readonly token?: string | false
  /** Address of the hub; `HF_ENDPOINT`, or else https://huggingface.co. */
  readonly endpoint?: string
  /** Folder of the cache (Node); `HF_HUB_CACHE`, or else `hub` in `HF_HOME`, or else `~/.cache/huggingface/hub`. */
  readonly cacheDir?: string
  /** Offline: take everything from the cache and ask no server. `HF_HUB_OFFLINE=1` does the same. */
  readonly localFilesOnly?: boolean
  /**
   * Longest time without an answer or another byte, in seconds; then the connection is given up and another one tried.
   * `HF_HUB_DOWNLOAD_TIMEOUT`, or else 30.
   */
  readonly stallSeconds?: number
  /** Called for every piece of a file that arrives, and when the file is whole. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** Stops a download. What has arrived is kept, and the next call goes on from there. */
  readonly signal?: AbortSignal
}

/** {@link HubOptions} with what was not given filled in. */
export interface HubSettings {
  readonly endpoint: string
  readonly revision: string
  readonly token: string | undefined
  readonly offline: boolean
  readonly stallSeconds: number
}

const STALL_SECONDS = 30

/** @throws HubError for an endpoint that is no address, or a token that cannot be sent; InputError for an unusable revision or time */
export function hubSettings(options: HubOptions): HubSettings {
  const revision = options.revision ?? 'main'
  if (!isPlainPath(revision)) {
    throw new InputError('bad-option', `revision is ${JSON.stringify(revision)}, expected a branch, a tag or a commit`)
  }
  const token = options.token === false ? undefined : (options.token ?? environment('HF_TOKEN'))?.trim() || undefined
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new HubError('hub-bad-token', 'the access token (option token, or HF_TOKEN) has characters that no token has')
  }
  return {
    endpoint: checkEndpoint(options.endpoint ?? environment('HF_ENDPOINT') ?? 'https://huggingface.co'),
    revision,
    token,
    offline: options.localFilesOnly ?? isOn(environment('HF_HUB_OFFLINE')),
    stallSeconds: checkSeconds(options.stallSeconds ?? Number(environment('HF_HUB_DOWNLOAD_TIMEOUT') ?? STALL_SECONDS)),
  }
}

/** An environment variable; an empty one counts as none. In a page there are none. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } }
  return process?.env?.[name] || undefined
}

/** Whether this is Node, or something that has its files: there the cache is a folder. */
export function isNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } }
  return process?.versions?.node !== undefined
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(1|on|yes|true)$/i.test(value)
}

function checkSeconds(seconds: number): number {
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw new InputError(
    'bad-option',
    `the time after which a download is tried again (option stallSeconds, or HF_HUB_DOWNLOAD_TIMEOUT) is ${seconds}, expected seconds above 0, a day at most`,
  )
}

function checkEndpoint(endpoint: string): string {
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new HubError(
      'hub-bad-endpoint',
      `the hub's address (option endpoint, or HF_ENDPOINT) is ${JSON.stringify(endpoint)}, expected an http(s) URL`,
    )
  }
  return endpoint.replace(/\/+$/, '')
}

const PART = /^[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?$/

/** Whether a string can be `org/name` on a hub. A path that begins with `.` or `/`, or has more than one `/`, cannot. */
export function isHubName(name: string): boolean {
  const parts = name.split('/')
  return parts.length === 2 && isRepository(name)
}

/** @throws HubError unless it is `org/name`, or one of the old names without an organisation (`gpt2`) */
export function checkHubName(name: string): void {
  if (name.split('/').length <= 2 && isRepository(name)) return
  throw new HubError('hub-bad-name', `${JSON.stringify(name)} is not the name of a model on a hub, such as "org/name"`)
}

function isRepository(name: string): boolean {
  return name.length <= 96 && !/--|\.\./.test(name) && name.split('/').every((part) => PART.test(part))
}
