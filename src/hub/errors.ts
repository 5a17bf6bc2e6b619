/**
 * What goes wrong between here and a hub. The codes:
 *
 * - `hub-bad-name`, `hub-bad-endpoint`, `hub-bad-token`, `hub-unsafe-name`: what was asked for cannot be asked for
 * - `hub-unauthorized`, `hub-forbidden`, `hub-not-found`, `hub-no-revision`, `hub-rate-limited`, `hub-unavailable`,
 *   `hub-http-error`: what the hub answered
 * - `hub-unreachable`, `hub-interrupted`: no answer, or one that broke off again and again
 * - `hub-not-a-hub`: an answer that does not say which commit, size and content it is about
 * - `hub-size`, `hub-hash`: bytes that are not those that the hub announced
 * - `hub-not-cached`: nothing may be downloaded and the cache does not have it
 * - `cache-full`, `cache-unwritable`, `cache-link`: the cache cannot take it
 * - `cache-damaged`: what the cache has is not what the hub had announced, and nothing may be downloaded
 */
import { FileError } from '../errors.js'

export class HubError extends FileError {}
