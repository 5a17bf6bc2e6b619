/**
 * RagRetriever: from a question's vector to the passages with the largest dot products, written as the generator reads them:
 * `title / text // question`. Hugging Face keeps passages as a data set with a FAISS index; here they are `passages.jsonl` with
 * `index.bin` (see finding/index-file.ts), or given by the caller.
 */
import { FileError, InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import { readText, requireText, type FolderLike } from '../../files/folder.js'
import { JsonObject } from '../../files/json.js'
import { openPretrained, type HubOptions } from '../../hub/index.js'
import type { DPRContextEncoder } from '../../models/index.js'
import { toIds, type IdsLike } from '../../models/inputs.js'
import { rowMajor } from '../../tensor/ops/float.js'
import type { Float } from '../../tensor/ops/index.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Tokenizer } from '../../tokenizer/index.js'
import { checkPassages, parseCorpus, type Passage } from '../finding/corpus.js'
import { FlatIndex, type SearchHit } from '../finding/flat-index.js'
import { corpusFingerprint, decodeIndex, IndexFileError } from '../finding/index-file.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import { ragConfig, type RagConfig } from './rag-config.js'
import { RagTokenizer } from './rag-tokenizer.js'

/** Finds the rows whose vectors have the largest dot products with the query, best first. */
export interface VectorIndex {
  search(query: Float32Array, k: number): readonly SearchHit[] | Promise<readonly SearchHit[]>
}

/** Passages and an index over their vectors, row for row. */
export interface IndexedPassages {
  readonly passages: readonly Passage[]
  readonly index: VectorIndex
}

export interface RagRetrieverOptions extends HubOptions {
  /** Passages with their index; by default the folder's own. */
  readonly indexedDataset?: IndexedPassages
  /** Folder with `passages.jsonl` and `index.bin`; by default the RAG folder. */
  readonly passagesPath?: FolderLike
}

export interface RetrievedContexts {
  /** The generator's input for each question and passage. [questions * nDocs][seq] */
  readonly contextInputIds: number[][]
  readonly contextAttentionMask: number[][]
  /** Dot products of question and passage. [questions][nDocs] */
  readonly docScores: number[][]
  /** [questions][nDocs] */
  readonly passages: readonly (readonly RetrievedPassage[])[]
}

export class RagRetriever {
  readonly config: RagConfig
  readonly tokenizer: RagTokenizer
  readonly #passages: readonly Passage[]
  readonly #index: VectorIndex

  constructor(config: RagConfig, tokenizer: RagTokenizer, { passages, index }: IndexedPassages) {
    this.config = config
    this.tokenizer = tokenizer
    this.#passages = passages
    this.#index = index
  }

  /**
   * Loads config.json and both tokenizers of a RAG folder, and the passages.
   * @throws FileError when there are no passages, IndexFileError when they and the index do not belong together
   */
  static async fromPretrained(location: FolderLike, options: RagRetrieverOptions = {}): Promise<RagRetriever> {
    const folder = await openPretrained(location, options)
    const text = await requireText(folder, 'config.json', 'a RAG folder has; check the path')
    const config = ragConfig(JsonObject.parse(text, `${folder.name}/config.json`))
    const tokenizer = await RagTokenizer.fromPretrained(folder)
    const dataset = options.indexedDataset ?? (await openPassages(options.passagesPath ?? folder, options))
    return new RagRetriever(config, tokenizer, dataset)
  }

  /**
   * The best passages for each question.
   * @param questionInputIds what the question encoder read; the generator gets it as text [questions, seq]
   * @param questionHiddenStates vectors [questions, size]
   * @throws InputError when there are fewer passages than nDocs
   */
  async retrieve(
    questionInputIds: IdsLike,
    questionHiddenStates: Float,
    {
      nDocs = this.config.nDocs,
      prefix = this.config.prefix,
    }: { readonly nDocs?: number; readonly prefix?: string } = {},
  ): Promise<RetrievedContexts> {
    if (this.#passages.length < nDocs) {
      throw new InputError(
        'too-few-passages',
        `retrieve: nDocs is ${nDocs}, there are ${this.#passages.length} passages`,
      )
    }
    const ids = toIds('questionInputIds', questionInputIds)
    const passages: RetrievedPassage[][] = []
    const texts: string[] = []
    for (let question = 0; question < ids.shape[0]; question++) {
      const hits = await this.#index.search(rowMajor(questionHiddenStates.select(0, question)), nDocs)
      passages.push(hits.map(({ index, score }) => ({ ...this.#passages[index], score })))
      const asked = this.tokenizer.questionEncoder.decode(ids.select(0, question).toArray())
      texts.push(...passages[question].map((passage) => this.contextText(passage, asked, prefix)))
    }
    // transformers fills every row up to maxCombinedLength; the mask makes the shorter filling here equal to it.
    const { inputIds, attentionMask } = this.tokenizer.generator.encodeBatch(texts, {
      maxLength: this.config.maxCombinedLength,
      truncate: true,
    })
    return {
      contextInputIds: inputIds,
      contextAttentionMask: attentionMask,
      docScores: passages.map((row) => row.map(({ score }) => score)),
      passages,
    }
  }

  /** `title / text // question`, with single spaces and a title without the quotes that Wikipedia's dump has around some. */
  contextText({ title, text }: Pick<Passage, 'title' | 'text'>, question: string, prefix = ''): string {
    const { titleSep, docSep } = this.config
    return (prefix + title.replace(/^"/, '').replace(/"$/, '') + titleSep + text + docSep + question).replaceAll(
      '  ',
      ' ',
    )
  }
}

/** Passages with the index that a context encoder makes of them: title and text as a pair, cut where they are too long. */
export async function indexPassages(
  encoder: DPRContextEncoder,
  tokenizer: Tokenizer,
  passages: readonly Passage[],
  { batchSize = 16, signal }: { readonly batchSize?: number; readonly signal?: AbortSignal } = {},
): Promise<IndexedPassages> {
  const checked = checkPassages(passages, 'passages')
  const vectors: Float32Array[] = []
  for (let start = 0; start < checked.length; start += batchSize) {
    await checkpoint(signal, 'the indexing')
    const rows = checked
      .slice(start, start + batchSize)
      .map(({ title, text }) =>
        tokenizer.encode(title, { pair: text, maxLength: encoder.config.maxPositionEmbeddings, truncate: true }),
      )
    const width = Math.max(...rows.map(({ ids }) => ids.length))
    const filled = (values: (row: (typeof rows)[number]) => readonly number[], filling: number) =>
      rows.map((row) => [...values(row), ...new Array<number>(width - row.ids.length).fill(filling)])
    const { poolerOutput } = await encoder.forward(
      {
        inputIds: filled(({ ids }) => ids, tokenizer.padTokenId),
        attentionMask: filled(({ ids }) => ids.map(() => 1), 0),
        tokenTypeIds: filled(({ typeIds }) => typeIds, 0),
      },
      { signal },
    )
    vectors.push(rowMajor(poolerOutput).slice())
  }
  const size = vectors[0].length / Math.min(batchSize, checked.length)
  const all = Tensor.float32(vectors.flatMap((block) => [...block])).data
  return { passages: checked, index: FlatIndex.fromVectors(all, size) }
}

async function openPassages(location: FolderLike, options: HubOptions): Promise<IndexedPassages> {
  const folder = await openPretrained(location, options)
  const text = await readText(folder, 'passages.jsonl')
  const source = text === undefined ? undefined : await folder.open('index.bin')
  if (text === undefined || source === undefined) {
    throw new FileError(
      'file-not-found',
      `${folder.name}: there is no ${text === undefined ? 'passages.jsonl' : 'index.bin'}; a data set with a FAISS index is not read here: pass passages as indexedDataset (indexPassages makes it), or a passagesPath that holds both files`,
    )
  }
  try {
    const passages = parseCorpus(text, `${folder.name}/passages.jsonl`)
    const { index, meta } = decodeIndex(await source.read(0, source.size), source.name)
    // Which encoder made it cannot be told: a question encoder and its context encoder are two models.
    if (meta.corpus !== corpusFingerprint(passages) || index.count !== passages.length) {
      throw new IndexFileError('other-corpus', `${source.name}: made of other passages; build the index again`)
    }
    return { passages, index }
  } finally {
    await source.close()
  }
}
