/**
 * What a `fromPretrained` is given, as a folder: everything that openFolder takes, and in Node the name of a model on a hub.
 */
import { openFolder, type Folder, type FolderLike } from '../files/folder.js'
import { isHubName, isNode, type HubOptions } from './options.js'

/**
 * A string `org/name` is a folder where there is one, else a model on the hub, as in transformers; `./org/name` is always a folder and
 * `hub('org/name')` never is. In a page a string stays a URL.
 */
export async function openPretrained(location: FolderLike, options: HubOptions = {}): Promise<Folder> {
  if (typeof location !== 'string' || !isNode() || !isHubName(location)) return openFolder(location)
  const { isFolder } = await import('../files/node-file.js')
  if (!(await isFolder(location))) {
    const { hub } = await import('./hub.js') // loaded by those who need it
    return hub(location, options)
  }
  const hint = () => `; this is the folder ${location} here, and hub('${location}') would be the model on the hub`
  return { ...openFolder(location), hint }
}
