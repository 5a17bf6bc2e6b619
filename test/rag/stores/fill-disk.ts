/**
 * Writes 200 documents to a store whose files may not grow beyond some bytes, as on a full disk: `fill-disk.ts FILE BYTES`. Prints the code of
 * the error.
 */
import { execFileSync } from 'node:child_process'
import { FlatFileStore, type EncoderIdentity } from '../../../src/rag/index.js'

const encoder: EncoderIdentity = { name: 'tiny', hash: 'a'.repeat(64), pooling: 'mean', normalize: true }
const [path, bytes] = process.argv.slice(2)
const store = await FlatFileStore.openForWriting(path, { encoder, dimension: 12 })
execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}`])
try {
  for (let i = 0; i < 200; i++) {
    const passages = [{ id: `new-${i}#1`, title: 'T', text: `Text ${i}.`, vector: new Float32Array(12).fill(i) }]
    await store.upsert({ id: `new-${i}`, hash: 'h', passages })
  }
  await store.close()
} catch (error) {
  console.log((error as { code: string }).code)
} finally {
  await store.suspend()
}
