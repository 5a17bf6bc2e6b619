/**
 * The engine's worker: it holds the models and the last walk, and answers the page.
 */
import { GlassformerError, passageText, type RagMode } from 'glassformer'
import type { BackendName, Progress, Walk } from '../protocol.js'
import { ablate } from './ablation.js'
import { Attentions, watchReader } from './attention.js'
import { offerBackends } from './backends.js'
import { readKernels } from './kernels.js'
import { Models } from './models.js'
import { quote, watchQuoting, type Quoted } from './quoting.js'
import { readRecurrently } from './recurrent.js'
import { serve } from './serve.js'
import { Walker, type Walked } from './walk.js'

interface Loaded {
  /** What was asked for. */
  readonly backend: BackendName
  readonly models: Models
  readonly walker: Walker
}

interface LastWalk {
  readonly walked: Walked
  readonly attentions: Attentions
  /** Once it was asked for. */
  quoted?: { readonly quoted: Quoted; readonly attentions: Attentions }
}

const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

let loaded: Loaded | undefined
let last: LastWalk | undefined

function requireLoaded(): Loaded {
  if (loaded) return loaded
  throw new GlassformerError('not-loaded', 'the models are not loaded yet')
}

function requireWalk(): LastWalk {
  if (last) return last
  throw new GlassformerError('no-walk', 'no question has been asked yet')
}

/** The span reader on the last walk. */
async function requireQuoted(report: (progress: Progress) => void, signal: AbortSignal) {
  const walk = requireWalk()
  if (walk.quoted) return walk.quoted
  const quoted = await quote(requireLoaded().models, walk.walked, report, signal)
  return (walk.quoted = { quoted, attentions: new Attentions(watchQuoting(quoted)) })
}

serve(self, {
  load: async ([source, backend], { report, signal }) => {
    const options = { onProgress: report, signal }
    if (loaded?.backend === backend) {
      await loaded.models.use(source, options)
    } else {
      const models = await Models.load(backend, { ...options, again: loaded !== undefined })
      try {
        await models.use(source, options)
      } catch (error) {
        models.dispose()
        throw error
      }
      loaded?.models.dispose()
      loaded = { backend, models, walker: new Walker(models) }
    }
    last = undefined
    return loaded.models.info
  },
  backends: () => offerBackends(),
  kernels: (_, { signal }) => readKernels(requireLoaded().models, requireWalk().walked, signal),
  walk: async ([scene], { report, signal }) => {
    const { models, walker } = requireLoaded()
    const walked = await walker.walk(scene, { onWriting: report, signal })
    last = { walked, attentions: new Attentions(watchReader(models, walked)) }
    return walked.walk
  },
  attention: ([attention, passage], { signal }) => requireWalk().attentions.map(attention, passage, signal),
  cell: ([cell], { signal }) => requireWalk().attentions.cell(cell, signal),
  quoting: async (_, { report, signal }) => (await requireQuoted(report, signal)).quoted.quoting,
  spanAttention: async ([attention, passage], { signal }) =>
    (await requireQuoted(() => {}, signal)).attentions.map(attention, passage, signal),
  spanCell: async ([cell], { signal }) => (await requireQuoted(() => {}, signal)).attentions.cell(cell, signal),
  ablation: ([heads], { signal }) => ablate(requireLoaded().models, requireWalk().walked, heads, signal),
  embed: ([passage], { signal }) =>
    requireLoaded().models.retriever.encoder.embed([passageText(passage)], { signal, truncate: true }),
  recurrent: ([text], { signal }) => readRecurrently(requireLoaded().models, text, signal),
  selfAttention: ([text, attention], { signal }) => {
    const { textModel } = requireLoaded().models
    if (textModel) return textModel.map(text, attention, signal)
    throw new GlassformerError('no-text-model', 'no model was dropped whose self-attention is to be shown')
  },
  modes: async (_, { signal }) => {
    const { scene } = requireWalk().walked.walk
    const walks: Walk[] = []
    for (const mode of MODES) {
      walks.push((await requireLoaded().walker.walk({ ...scene, mode }, { onWriting: () => undefined, signal })).walk)
    }
    return walks
  },
})
