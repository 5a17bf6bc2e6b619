/**
 * A process that opens the weights of a model, and prints their hash: `child.ts REPOSITORY ENDPOINT CACHE [BYTES]`. Given BYTES, its files
 * may not grow beyond, as on a full disk, and it prints code and message of the error.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { hub } from '../../src/hub/index.js'

const [repository, endpoint, cacheDir, bytes] = process.argv.slice(2)
if (bytes !== undefined) execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}`])
try {
  const source = (await hub(repository, { endpoint, cacheDir }).open('model.safetensors'))!
  console.log(createHash('sha256').update(await source.read(0, source.size)).digest('hex')) // prettier-ignore
  await source.close()
} catch (error) {
  if (bytes === undefined) throw error
  console.log((error as { code: string }).code, (error as Error).message)
}
