/**
 * The pipeline behind the commands that answer many questions: the index, the reader and the models, opened from the options.
 */
import { AutoReader, FlatFileStore, PromptReader, Rag } from '../rag/index.js'
import type { Arguments, OptionSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import type { Terminal } from './terminal.js'

export const pipelineOptions = {
  index: {
    type: 'string',
    value: 'FILE',
    help: 'answer from this index, which "glassformer index" made of your files (default: the facts of the package)',
  },
  reader: { type: 'string', value: 'FOLDER', help: 'the model that answers (default: the reader of the package)' },
} satisfies Record<string, OptionSpec>

export type Pipeline = (MixingPipeline | PromptPipeline) & {
  /** Passages that are searched. */
  readonly passages: number
  /** Gives back models and index. */
  close(): Promise<void>
}

/** An encoder-decoder reads each passage by itself, and the answers are weighed. */
export interface MixingPipeline {
  readonly kind: 'mixing'
  readonly rag: Rag
}

/** A decoder-only model reads all passages in one prompt. */
export interface PromptPipeline {
  readonly kind: 'prompt'
  readonly rag: Rag<PromptReader>
}

export async function openPipeline({ index, reader }: Arguments['options'], terminal: Terminal): Promise<Pipeline> {
  const { progress, signal } = terminal
  const opened: (() => void | Promise<void>)[] = []
  const close = async () => {
    for (const give of opened.splice(0).reverse()) await give()
  }
  try {
    const store = typeof index === 'string' ? await FlatFileStore.open(index) : undefined
    if (store) opened.push(() => store.close())
    const load = { onProgress: progress, signal, index: store }
    const given = typeof reader === 'string' ? await openReader(reader, terminal) : undefined
    if (given) opened.push(() => given.dispose())
    if (given instanceof PromptReader) {
      const rag = await Rag.fromPretrained(undefined, { ...load, reader: given })
      opened.push(() => rag.dispose())
      return { kind: 'prompt', rag, passages: await sizeOf(rag, store), close }
    }
    const rag = await (given
      ? Rag.fromPretrained(undefined, { ...load, reader: given })
      : Rag.fromPretrained(undefined, load))
    opened.push(() => rag.dispose())
    return { kind: 'mixing', rag, passages: await sizeOf(rag, store), close }
  } catch (error) {
    await close()
    throw error
  }
}

function openReader(folder: string, terminal: Terminal): ReturnType<typeof AutoReader.fromPretrained> {
  return AutoReader.fromPretrained(folder, {
    ...downloadOptions(terminal),
    onProgress: (done, total) => terminal.progress('reader', done, total),
  })
}

async function sizeOf(rag: Pick<Rag, 'retriever'>, store: FlatFileStore | undefined): Promise<number> {
  return store ? store.size() : (await rag.retriever()).passages.length
}
