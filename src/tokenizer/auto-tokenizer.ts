/**
 * Loading a tokenizer from a Hugging Face folder, or from a model on a hub.
 */
import { checkpoint } from '../event-loop.js'
import { readText, requireText, type FolderLike } from '../files/folder.js'
import { JsonObject } from '../files/json.js'
import { openPretrained, type HubOptions } from '../hub/index.js'
import { Tokenizer } from './tokenizer.js'

/** Named as in transformers; there is one class of tokenizers here, so it only loads. */
export const AutoTokenizer = {
  /**
   * Reads tokenizer.json and, if they are there, tokenizer_config.json and chat_template.jinja.
   * @throws FileError when there is no tokenizer.json, HubError for a download that fails, ConfigError when it
   * cannot be used, AbortedError
   */
  async fromPretrained(location: FolderLike, options?: HubOptions): Promise<Tokenizer> {
    const folder = await openPretrained(location, options)
    const purpose =
      'describes the tokenizer; older checkpoints get one from transformers (AutoTokenizer, save_pretrained)'
    const json = await requireText(folder, 'tokenizer.json', purpose)
    const config = await readText(folder, 'tokenizer_config.json')
    const template = await readText(folder, 'chat_template.jinja')
    const parsed = JsonObject.parse(json, `${folder.name}/tokenizer.json`)
    await checkpoint(options?.signal, 'loading the tokenizer') // both parts take some 50 ms for a vocabulary of 30,000
    return new Tokenizer(
      parsed,
      config === undefined ? undefined : JsonObject.parse(config, `${folder.name}/tokenizer_config.json`),
      template,
    )
  },
}
