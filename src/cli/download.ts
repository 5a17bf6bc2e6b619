/**
 * `glassformer download`: a model from the hub into the cache.
 */
import { snapshotDownload, type HubOptions } from '../hub/index.js'
import type { Arguments, CommandSpec } from './arguments.js'
import type { LoadingTerminal, Terminal } from './terminal.js'

export const downloadSpec: CommandSpec = {
  name: 'download',
  positionals: ['MODEL'],
  summary: 'Downloads a model (org/name) from the Hugging Face hub and prints the folder that it is in.',
  options: {
    revision: { type: 'string', value: 'REVISION', help: 'branch, tag or commit (default main)' },
    cache: { type: 'string', value: 'DIR', help: "the cache (default: that of Hugging Face's own programs)" },
  },
  details:
    'A download that was stopped goes on where it stopped. Environment: HF_TOKEN is the access token for private models and those\n' +
    'with a licence to accept, HF_ENDPOINT the address of another hub; HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME say where the cache is.',
}

export async function download({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { revision, cache } = options
  const folder = await snapshotDownload(positionals[0], {
    ...downloadOptions(terminal),
    revision: typeof revision === 'string' ? revision : undefined,
    cacheDir: typeof cache === 'string' ? cache : undefined,
  })
  terminal.print(folder)
}

/** Shows downloads as a progress bar, in megabytes, and stops them with Ctrl-C. */
export function downloadOptions({ progress, signal }: LoadingTerminal): HubOptions {
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10
  let shown = ''
  return {
    signal,
    onDownload: ({ file, loaded, total }) => {
      const [done, all] = [megabytes(loaded), megabytes(total)]
      if (shown === `${file} ${done}`) return
      shown = `${file} ${done}`
      progress(`${file} (MB)`, done, all)
    },
  }
}
