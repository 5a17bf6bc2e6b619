/**
 * A passage as index and journal hold it, in JSON.
 */
import type { JsonObject } from '../../files/json.js'
import type { Metadata, Passage, PassageSource } from '../finding/corpus.js'
import { IndexFileError } from '../finding/index-file.js'
import { wrongSource } from '../finding/passage-place.js'

/** @throws ConfigError for a field that is missing or of a wrong type, IndexFileError for a source that is none of the text */
export function storedPassage(json: JsonObject): Passage {
  const [id, title, text] = [json.string('id'), json.string('title'), json.string('text')]
  const source = json.get('source') ?? undefined
  const wrong = wrongSource(source, text)
  if (wrong !== undefined) throw new IndexFileError('index-places', `${json.where}: ${wrong}; build the index again`)
  return {
    id,
    title,
    text,
    source: source as PassageSource | undefined,
    metadata: (json.get('metadata') ?? undefined) as Metadata | undefined,
  }
}
