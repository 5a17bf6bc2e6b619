/** A process that opens the weights of a model, and prints their hash: REPOSITORY ENDPOINT CACHE. */
import { createHash } from 'node:crypto'
import { hub } from '../../src/hub/index.js'

const [repository, endpoint, cacheDir] = process.argv.slice(2)
const source = (await hub(repository, { endpoint, cacheDir }).open('model.safetensors'))!
console.log(createHash('sha256').update(await source.read(0, source.size)).digest('hex')) // prettier-ignore
await source.close()
