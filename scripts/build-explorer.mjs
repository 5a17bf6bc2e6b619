// npm run build:explorer [-- FOLDER]: the explorer as a folder that any static server can serve, also without a network. The models are
// stored with their matrices and the index in 8 bits, and gzipped. Needs the built dist/.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import {
  decodeIndex,
  encodeIndex,
  FlatIndex,
  quantizeMatrix,
  SafetensorsFile,
  writeSafetensors,
} from '../dist/index.js'

/** What the page needs of the models' folders. */
const NEEDED =
  /^(calibration\.json|(all-MiniLM-L6-v2|reader|span-reader|world-facts)\/.*\.(json|jsonl|bin|safetensors))$/
/** Smaller ones, such as a table of distances, are not worth the loss. */
const LEAST_COLUMNS = 64

/** A checkpoint's matrices in 8 bits with a scale for each row; the rest stays. One that is stored in 8 bits stays as it is, with what it keeps in float. */
async function quantizeCheckpoint(bytes) {
  const file = await SafetensorsFile.open(bytes)
  if ([...file.tensors.values()].some(({ dtype }) => dtype === 'int8')) return bytes
  const tensors = []
  for (const name of file.tensors.keys()) {
    const tensor = await file.tensor(name)
    if (tensor.rank !== 2 || tensor.shape[1] < LEAST_COLUMNS) {
      tensors.push([name, tensor])
      continue
    }
    const { values, scales } = quantizeMatrix(tensor)
    tensors.push([name, values], [`${name}_scale`, scales])
  }
  return writeSafetensors(tensors)
}

function quantizeIndex(bytes, where) {
  const { index, meta } = decodeIndex(bytes, where)
  return encodeIndex(FlatIndex.fromVectors(index.vectors, index.dimension, 'int8'), meta)
}

async function packed(path, bytes) {
  if (path.endsWith('.safetensors')) return quantizeCheckpoint(bytes)
  return path.endsWith('.bin') ? quantizeIndex(bytes, path) : bytes
}

const root = fileURLToPath(new URL('..', import.meta.url))
const target = process.argv[2] ?? join(root, 'build/explorer')
if (existsSync(target) && readdirSync(target).length > 0 && !existsSync(join(target, 'weights/files.json'))) {
  console.error(`${target} holds other files, which would be lost; name a new folder`)
  process.exit(1)
}
rmSync(target, { recursive: true, force: true })
mkdirSync(join(target, 'weights'), { recursive: true })
cpSync(join(root, 'dist/explorer'), target, { recursive: true })
cpSync(join(root, 'kernels'), join(target, 'kernels'), { recursive: true })

const weights = join(root, 'weights')
const files = {}
for (const path of readdirSync(weights, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .sort()) {
  const isLicence = /^(all-MiniLM-L6-v2|reader|span-reader|world-facts)\/LICENSES?(\.md)?$/.test(path)
  if (!NEEDED.test(path) && !isLicence) continue
  const bytes = readFileSync(join(weights, path))
  const stored = isLicence ? bytes : gzipSync(await packed(path, bytes), { level: 9 })
  const file = join(target, 'weights', isLicence ? path : `${path}.gz`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stored)
  if (!isLicence) files[path] = stored.length
}
writeFileSync(join(target, 'weights/files.json'), JSON.stringify({ gzip: true, dtype: 'int8', files }))
const megabytes = (wanted) => {
  const sizes = Object.entries(files).map(([path, size]) => (wanted(path) ? size : 0))
  return (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)
}
const spanReader = megabytes((path) => path.startsWith('span-reader/'))
console.log(
  `${target}: the models take ${megabytes(() => true)} MB, of which the span reader, which is fetched when it is looked at, ${spanReader} MB`,
)
