/**
 * What a `fromPretrained` is given, as a folder: everything that openFolder takes, in Node the name of a model on a hub, and a GGUF file, which
 * is a folder of its own.
 */
import { InputError } from '../errors.js'
import { openFolder, type Folder, type FolderLike } from '../files/folder.js'
import { isHubName, isNode, type HubOptions } from './options.js'

const HUB = 'hub:'
const GGUF = /\.gguf$/i

/**
 * A string `org/name` is a folder where there is one, else a model on the hub, as in transformers; `./org/name` is always a folder and
 * `hub('org/name')` never is. In a page a string stays a URL. A path or URL that ends in `.gguf` is that file, `hub:org/name/file.gguf` one on
 * the hub, and so is the GGUF among files by name that have no config.json.
 */
export async function openPretrained(location: FolderLike, options: HubOptions = {}): Promise<Folder> {
  const file = await ggufFile(location, options)
  if (file) {
    const { GgufFolder } = await import('../gguf/index.js') // loaded by those who need it
    return new GgufFolder(file.parent, file.name)
  }
  if (typeof location !== 'string' || !isNode() || !isHubName(location)) return openFolder(location)
  const { isFolder } = await import('../files/node-file.js')
  if (!(await isFolder(location))) return onHub(location, options)
  const hint = () => `; this is the folder ${location} here, and hub('${location}') would be the model on the hub`
  return { ...openFolder(location), hint }
}

async function onHub(name: string, options: HubOptions): Promise<Folder> {
  const { hub } = await import('./hub.js') // loaded by those who need it
  return hub(name, options)
}

interface FileIn {
  readonly parent: Folder
  readonly name: string
}

/** The GGUF that a location names, and the folder that it lies in. @throws InputError for a location on the hub that is none */
async function ggufFile(location: FolderLike, options: HubOptions): Promise<FileIn | undefined> {
  if (location instanceof Map) return ggufAmong(location as ReadonlyMap<string, Blob | Uint8Array>)
  if (location instanceof URL) return ggufAt(location)
  if (typeof location !== 'string') return undefined
  if (location.startsWith(HUB)) {
    const [, name, file] = /^([^/]+\/[^/]+)\/(.+\.gguf)$/i.exec(location.slice(HUB.length)) ?? []
    if (file !== undefined) return { parent: await onHub(name, options), name: file }
    throw new InputError('bad-location', `${JSON.stringify(location)} names no file; expected hub:org/name/file.gguf`)
  }
  if (/^(https?|file):/.test(location)) return ggufAt(new URL(location))
  if (!GGUF.test(location)) return undefined
  const end = Math.max(location.lastIndexOf('/'), location.lastIndexOf('\\'))
  return { parent: openFolder(location.slice(0, end + 1) || '.'), name: location.slice(end + 1) }
}

function ggufAt(url: URL): FileIn | undefined {
  if (!GGUF.test(url.pathname)) return undefined
  return { parent: openFolder(new URL('.', url)), name: decodeURIComponent(url.pathname.split('/').at(-1)!) }
}

/** The one among files by name; of a split model its first part. */
function ggufAmong(files: ReadonlyMap<string, Blob | Uint8Array>): FileIn | undefined {
  const name = files.has('config.json') ? undefined : [...files.keys()].toSorted().find((file) => GGUF.test(file))
  return name === undefined ? undefined : { parent: openFolder(files), name }
}
