/**
 * What a `fromPretrained` is given, as a folder: everything that openFolder takes, and in Node the name of a model on a hub.
 */
import { openFolder, type Folder, type FolderLike } from '../files/folder.js'
import { hub } from './hub.js'
import { isHubName, isNode, type HubOptions } from './options.js'

/**
 * A string `org/name` is a folder where there is one, else a model on the hub, as in transformers; `./org/name` is always a folder. In a
 * page a string stays a URL.
 */
export async function openPretrained(location: FolderLike, options: HubOptions = {}): Promise<Folder> {
  if (typeof location !== 'string' || !isNode() || !isHubName(location)) return openFolder(location)
  const { isFolder } = await import('../files/node-file.js')
  return (await isFolder(location)) ? openFolder(location) : hub(location, options)
}
