import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { sha } from '../../src/hub/sha.js'
import { randomNumbers } from '../support/random.js'

test.each(['sha1', 'sha256'] as const)('%s is that of Node, however the bytes are cut', (algorithm) => {
  const next = randomNumbers(7)
  const noise = Uint8Array.from({ length: 200 }, () => next() * 1000)
  for (let length = 0; length < 200; length++) {
    const bytes = noise.subarray(0, length)
    const hash = sha(algorithm)
    for (let at = 0; at < length; at += 7) hash.update(bytes.subarray(at, Math.min(at + 7, length)))
    expect(hash.digest(), `${length} bytes`).toBe(createHash(algorithm).update(bytes).digest('hex'))
  }
})
