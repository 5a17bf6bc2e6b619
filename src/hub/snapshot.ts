/**
 * Everything of a model that is read here, into the cache, so that it can be loaded without a network later.
 */
import { hasFile, missingFile, readText, type Folder } from '../files/folder.js'
import { JsonObject, parseJson, type Json } from '../files/json.js'
import { HubError } from './errors.js'
import { HubFolder } from './hub.js'
import { hubSettings, type HubOptions } from './options.js'

/** Beside the weights: what models, tokenizers, sentence encoders and RAG folders are made of. */
const FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'modules.json',
  'sentence_bert_config.json',
  'question_encoder_tokenizer/tokenizer.json',
  'question_encoder_tokenizer/tokenizer_config.json',
  'generator_tokenizer/tokenizer.json',
  'generator_tokenizer/tokenizer_config.json',
  'passages.jsonl',
  'index.bin',
]
const WEIGHTS = 'model.safetensors'
const SHARDS = 'model.safetensors.index.json'

/**
 * Downloads a model.
 * @returns the folder with its files, which every `fromPretrained` takes; in a page the name of the place in its storage
 * @throws HubError, FileError when it has no weights that can be read here, AbortedError
 */
export async function snapshotDownload(repository: string, options: HubOptions = {}): Promise<string> {
  const { offline } = hubSettings(options)
  const folder = new HubFolder(repository, options)
  if (offline) throw new HubError('hub-not-cached', `${repository}: nothing is downloaded in offline mode`)
  const keep = async (file: string) => {
    const source = await folder.open(file)
    await source?.close()
    return source !== undefined
  }
  for (const file of FILES) await keep(file)
  for (const module of await modules(folder)) await keep(`${module}/config.json`)
  const isWhole = await keep(WEIGHTS)
  const shards = isWhole ? [] : await shardNames(folder)
  if (!isWhole && shards.length === 0 && (await hasFile(folder, 'config.json'))) {
    throw missingFile(folder, WEIGHTS, `holds the weights (or ${SHARDS} with shards)`)
  }
  for (const shard of shards) {
    if (!(await keep(shard))) throw missingFile(folder, shard, `is a shard that ${SHARDS} names`)
  }
  const path = await folder.snapshot()
  if (path === undefined) throw missingFile(folder, 'config.json', 'a model has')
  return path
}

/** Folders of a sentence-transformers model that have a config of their own. */
async function modules(folder: Folder): Promise<string[]> {
  const list = await readText(folder, 'modules.json')
  const json: Json = list === undefined ? [] : parseJson(list, `${folder.name}/modules.json`)
  const steps = Array.isArray(json) ? json.map((step) => new JsonObject(step, `${folder.name}/modules.json`)) : []
  return steps.map((step) => step.string('path', '')).filter((path) => path !== '')
}

async function shardNames(folder: Folder): Promise<string[]> {
  const index = await readText(folder, SHARDS)
  if (index === undefined) return []
  const map = JsonObject.parse(index, `${folder.name}/${SHARDS}`).object('weight_map')
  return [...new Set(map.keys().map((name) => map.string(name)))]
}
