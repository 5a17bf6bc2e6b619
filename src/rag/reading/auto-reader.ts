/**
 * The reader that fits a checkpoint: config.json says whether it is an encoder-decoder, a decoder alone, or an encoder that points at answers.
 */
import { requireText, type FolderLike } from '../../files/folder.js'
import { JsonObject } from '../../files/json.js'
import { openPretrained } from '../../hub/index.js'
import { familyOf, type FromPretrainedOptions } from '../../models/index.js'
import { PromptReader } from './prompt-reader.js'
import { Reader } from './reader.js'
import { SpanReader } from './span-reader.js'

/** Loads what answers from passages. Options of one kind alone, such as `format`, are for the classes themselves. */
export const AutoReader = {
  async fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<Reader | PromptReader | SpanReader> {
    const folder = await openPretrained(location, options)
    const text = await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path')
    const config = JsonObject.parse(text, `${folder.name}/config.json`)
    const { causalLM, questionAnswering = {} } = familyOf(config)
    const architectures = config.get('architectures')
    const isSpanHead = (name: unknown) => typeof name === 'string' && Object.hasOwn(questionAnswering, name)
    if (Array.isArray(architectures) && architectures.some(isSpanHead))
      return SpanReader.fromPretrained(folder, options)
    return causalLM ? PromptReader.fromPretrained(folder, options) : Reader.fromPretrained(folder, options)
  },
}
