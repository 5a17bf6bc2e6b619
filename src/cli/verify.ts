/**
 * `glassformer verify`: compares what the cache has of a model with the hashes that the hub announced.
 */
import { HubError } from '../hub/index.js'
import { verifyModel } from '../hub/node-cache.js'
import type { Arguments, CommandSpec } from './arguments.js'
import { downloadSpec } from './download.js'
import { counted, type Terminal } from './terminal.js'

export const verifySpec: CommandSpec = {
  name: 'verify',
  positionals: ['MODEL'],
  summary: 'Compares all files that the cache has of a model with the hashes that the hub announced.',
  options: downloadSpec.options,
  details:
    'Nothing is downloaded and nobody is asked: the cache keeps each content under its hash. The exit code is 1 when a file is damaged or\n' +
    'missing; the next program that loads the model downloads it again. Where the cache has no links (Windows) it does not know the hashes.',
}

const REASONS = {
  damaged: 'does not have the hash that the hub announced',
  missing: 'is a link to nothing',
  unknown: 'is kept without its hash, so nothing is known about it',
}

/** @throws HubError when a file is not what the hub announced */
export async function verify({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const [model] = positionals
  const { revision, cache } = options
  const files = await verifyModel(model, {
    revision: typeof revision === 'string' ? revision : undefined,
    cacheDir: typeof cache === 'string' ? cache : undefined,
  })
  for (const { file, state } of files) if (state !== 'right') terminal.fail(`${file}: ${REASONS[state]}`)
  const wrong = files.filter(({ state }) => state === 'damaged' || state === 'missing')
  if (wrong.length > 0) {
    throw new HubError(
      'cache-damaged',
      `${model}: ${wrong.length} of ${counted(files.length, 'file')} are not what the hub announced; the next load downloads them again, as does "glassformer download"`,
    )
  }
  const right = files.filter(({ state }) => state === 'right')
  terminal.print(`${model}: ${right.length} of ${counted(files.length, 'file')} are what the hub announced`)
}
