/**
 * What it costs that a pass can be watched. Ours is a pass without hooks; its peers are the same pass without hooks once more, which
 * shows the noise, with hooks that are empty, with one that reads a small tensor, with the attention computed openly, and
 * with every tensor shown. The cost is highest where little is computed, so the work is short: one step of the T5 reader.
 */
import { fileURLToPath } from 'node:url'
import { bestBackend } from '../backend.js'
import { compare, type Entrant } from '../compare.js'
import type { Group } from '../group.js'
import { T5ForConditionalGeneration } from '../../src/models/index.js'
import type { HooksLike } from '../../src/trace/index.js'

const READER_FOLDER = fileURLToPath(new URL('../../weights/reader', import.meta.url))
const look = () => {}
const WATCHED: readonly { readonly name: string; readonly hooks: HooksLike | undefined }[] = [
  { name: 'no hooks, again', hooks: undefined },
  { name: 'empty hooks', hooks: {} },
  { name: 'one point', hooks: { 'decoder.final_norm': look } },
  { name: 'all attention', hooks: { '*.probs': look } },
  { name: 'every point', hooks: { '*': look } },
]

export const glass: Group = {
  name: 'glass',
  title: 'being watched',
  async run({ options, progress }) {
    const backend = await bestBackend(options.threads)
    const model = await T5ForConditionalGeneration.fromPretrained(READER_FOLDER, { backend })
    const lengths = options.small ? [4] : [1, 40]
    const rows = []
    for (const tokens of lengths) {
      const work = `T5 reader, ${tokens} source, 1 target`
      progress(work)
      const inputs = { inputIds: [Array.from({ length: tokens }, (_, i) => 10 + i)], decoderInputIds: [[0]] }
      const entrant = ({ name, hooks }: (typeof WATCHED)[number]): Entrant => ({
        name,
        prepare: () => ({
          run: () => model.forward(inputs, { hooks }),
          result: async () => (await model.forward(inputs, { hooks })).logits.toArray(),
        }),
      })
      const ours = entrant({ name: 'no hooks', hooks: undefined })
      const value = (seconds: number) => seconds * 1000
      rows.push(
        ...(await compare(
          { group: 'glass', work, unit: 'ms', value, ours, peers: WATCHED.map(entrant) },
          options.race,
        )),
      )
    }
    model.dispose()
    backend.dispose()
    return { rows }
  },
}
