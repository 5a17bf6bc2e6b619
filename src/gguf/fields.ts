/**
 * The fields of a GGUF's metadata by name and type, as those of a config.json are asked for.
 */
import { JsonObject, type Json } from '../files/json.js'
import type { GgufMetadata, GgufValue } from './metadata.js'

/** Longer lists belong to the tokenizer, which takes them as they are. */
const LONGEST_LIST = 4096

/** Values that JSON has: all but long lists, lists in lists and integers beyond ±2^53, of which none is a setting of a model. */
export function metadataFields(metadata: GgufMetadata, where: string): JsonObject {
  const fields = [...metadata].flatMap(([key, value]): [string, Json][] => {
    const json = toJson(value)
    return json === undefined ? [] : [[key, json]]
  })
  return new JsonObject(Object.fromEntries(fields), where)
}

function toJson(value: GgufValue): Json | undefined {
  if (typeof value === 'bigint') return undefined
  if (typeof value !== 'object') return value
  if (value.length > LONGEST_LIST) return undefined
  const items = Array.from<unknown>(value)
  return items.every((item): item is number | string => typeof item === 'number' || typeof item === 'string')
    ? items
    : undefined
}

/** A list of texts, or undefined where the key is missing or holds something else. */
export function textsOf(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key)
  if (!Array.isArray(value) || typeof (value[0] ?? '') !== 'string') return undefined
  return value as readonly string[]
}

/** A list of numbers, or undefined where the key is missing or holds something else. */
export function numbersOf(metadata: GgufMetadata, key: string): ArrayLike<number> | undefined {
  const value = metadata.get(key)
  const isNumbers = ArrayBuffer.isView(value) && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array)
  return isNumbers ? value : undefined
}
