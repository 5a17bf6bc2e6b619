/**
 * Writes a trained span reader with its matrices in 8 bits, a scale for each row: npx tsx weights/recipe/span/narrow.ts TRAINED OUT
 * The tokenizer is that of all-MiniLM-L6-v2.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { quantizeMatrix, SafetensorsFile, writeSafetensors } from '../../../src/safetensors/index.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

const [trained, out] = process.argv.slice(2)
await mkdir(out, { recursive: true })
const file = await SafetensorsFile.open(await readFile(join(trained, 'model.safetensors')))
const tensors: [string, Tensor][] = []
for (const name of file.tensors.keys()) {
  const tensor = await file.tensor(name)
  if (tensor.rank !== 2 || tensor.shape[0] < 64) tensors.push([name, tensor])
  else {
    const { values, scales } = quantizeMatrix(tensor)
    tensors.push([name, values], [`${name}_scale`, scales])
  }
}
await writeFile(join(out, 'model.safetensors'), writeSafetensors(tensors))
for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'LICENSE']) {
  await copyFile(join('weights/all-MiniLM-L6-v2', name), join(out, name))
}
const config = JSON.parse(await readFile(join(trained, 'config.json'), 'utf8')) as Record<string, unknown>
const kept = Object.entries(config).filter(([key]) => !/^(?:_|transformers_version|dtype|torch_dtype|label2id|id2label)/.test(key))
await writeFile(join(out, 'config.json'), `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`)
