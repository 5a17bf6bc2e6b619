/**
 * SHA-256 of bytes that are in memory, by the platform's own Web Crypto.
 */
import { GlassformerError } from '../errors.js'

/** SHA-256 in hexadecimal. @throws GlassformerError in a page that is not served over https or from this machine, where there is none */
export async function sha256(content: Uint8Array | string): Promise<string> {
  const { subtle } = globalThis.crypto
  if (!(subtle as SubtleCrypto | undefined)) {
    throw new GlassformerError('insecure-page', 'sha256: there is no crypto.subtle here; serve the page over https')
  }
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
