/**
 * The reader that fits a checkpoint: config.json says whether it is an encoder-decoder or a decoder alone.
 */
import { requireText, type FolderLike } from '../../files/folder.js'
import { JsonObject } from '../../files/json.js'
import { openPretrained } from '../../hub/index.js'
import { familyOf, type FromPretrainedOptions } from '../../models/index.js'
import { PromptReader } from './prompt-reader.js'
import { Reader } from './reader.js'

/** Loads what answers from passages. Options of one kind alone, such as `format`, are for the classes themselves. */
export const AutoReader = {
  async fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Reader | PromptReader> {
    const folder = await openPretrained(location, options)
    const text = await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path')
    const { causalLM } = familyOf(JsonObject.parse(text, `${folder.name}/config.json`))
    return causalLM ? PromptReader.fromPretrained(folder, options) : Reader.fromPretrained(folder, options)
  },
}
