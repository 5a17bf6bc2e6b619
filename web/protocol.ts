/**
 * What the page and the engine's worker say to each other. The worker holds the models and computes; the page holds the scene, which
 * is all that a person can change, and draws what comes back. Everything is plain data and typed arrays, so that it can be cloned.
 */
import type { Answer, Judged, RagMode, SpanAnswer, StageRanks, StageScores } from 'glassformer'

/** Where the models come from. */
export type ModelSource =
  /** The default models that lie beside the page. */
  | { readonly kind: 'default' }
  /**
   * A Hugging Face folder that was dropped on the page. An encoder-decoder reads in the place of the default reader; of another model the
   * self-attention over a text is shown.
   */
  | {
      readonly kind: 'files'
      readonly name: string
      readonly files: readonly { readonly path: string; readonly file: File }[]
    }

/** What computes: kernels in WebAssembly, plain TypeScript, or gpu.js in one of its modes. */
export type BackendName = 'wasm' | 'reference' | 'webgl2' | 'webgpu'

export interface BackendInfo {
  readonly name: BackendName
  /** The backend's own words: kind, threads or device. */
  readonly description: string
  /** Whether products are computed from 8-bit integers, on both sides; else in float32. */
  readonly isInt8: boolean
}

export interface BackendOffer {
  readonly name: BackendName
  /** Why it cannot run here. */
  readonly obstacle: string | undefined
}

/** A kernel that was compiled for the backend that runs. */
export interface KernelInfo {
  /** `linear.gelu` */
  readonly name: string
  /** For which results it was compiled, where not for all: `one row`. */
  readonly shapes: string | undefined
  /** The function that gpu.js was given. */
  readonly source: string
  /** What gpu.js made of it, in the language of the device. */
  readonly generated: string
  /** Launches for the vector of the walk's question. */
  readonly forVector: number
  /**
   * Launches while the walk's answer is read and scored once, by the hook point that came next, layers taken together:
   * `encoder.*.self_attention.q`; most launches first.
   */
  readonly atPoints: readonly { readonly point: string; readonly launches: number }[]
}

/** All that a person can change; it is what the page's address holds. */
export interface Scene {
  readonly question: string
  /** Passages of the person's own; undefined asks the corpus. */
  readonly passages: readonly ScenePassage[] | undefined
  /** Asks the documents of the server that the page came from, whatever `passages` says. */
  readonly served: boolean
  readonly topK: number
  readonly mode: RagMode
  /** Ids of retrieved passages that are left out; no other takes their place. */
  readonly dropped: readonly string[]
  /**
   * Scores put in the place of the retriever's, by passage id; those of passages that are not in the ranking change nothing, nor do any of them
   * where the server searches.
   */
  readonly scores: Readonly<Record<string, number>>
  /** Heads whose output is set to zero in the reader. */
  readonly ablated: readonly HeadName[]
}

export interface ScenePassage {
  readonly id: string
  readonly title: string
  readonly text: string
}

/** What the server that the page came from answers from. */
export interface Served {
  readonly corpus: string
  /** Undefined where the server could not tell. */
  readonly passages: number | undefined
}

/** A stage of the server's search. */
export interface SearchStage {
  /** Its key in `ranks` and, but for the dot product, in `scores`. */
  readonly name: keyof StageRanks
  readonly method: string
}

/** A passage that was found. */
export interface RankedPassage extends ScenePassage {
  /** The dot product. */
  readonly score: number
  /** Missing where the server found it. */
  readonly vector?: Float32Array
  /** Where it stands in the server's documents, for people. */
  readonly citation?: string
  readonly scores?: StageScores
  readonly ranks?: StageRanks
}

/** One attention layer of the reader: `encoder.0.self_attention`, `decoder.1.cross_attention`. */
export type AttentionName = string

export interface HeadName {
  readonly attention: AttentionName
  readonly head: number
}

export interface ReaderInfo {
  readonly name: string
  readonly family: string
  readonly dModel: number
  readonly numHeads: number
  readonly headDim: number
  readonly vocabSize: number
  readonly parameters: number
  /** In the order of the pass. */
  readonly attentions: readonly {
    readonly name: AttentionName
    readonly stack: 'encoder' | 'decoder'
    readonly kind: 'self' | 'cross'
    readonly layer: number
  }[]
}

/** A dropped model that cannot read passages, an encoder or a decoder alone. */
export type TextModelInfo = ReaderInfo

export interface ModelInfo {
  readonly reader: ReaderInfo
  /** Whether that is the default one, and none that was dropped. */
  readonly isDefault: boolean
  /** Where a model was dropped that cannot answer: `selfAttention` shows what it does with a text, while the default reader answers. */
  readonly textModel: TextModelInfo | undefined
  readonly encoder: { readonly name: string; readonly dimension: number; readonly numLayers: number }
  readonly corpus: { readonly name: string; readonly passages: number }
  readonly backend: BackendInfo
  /** The span reader beside the page, which is fetched when it is first asked; undefined where it does not lie there. */
  readonly spanReader: { readonly bytes: number } | undefined
}

/** A token as a label, and where it stands. */
export interface Token {
  readonly id: number
  readonly text: string
  /** What it is a part of. `mark` are the tokens that the format adds: separators, start and end. */
  readonly part: 'title' | 'text' | 'question' | 'answer' | 'mark'
  /** Characters of the part's own text; equal where the token has none. */
  readonly start: number
  readonly end: number
}

/** A token and its probability. */
export interface Likely {
  readonly id: number
  readonly text: string
  readonly probability: number
}

/** One decoding step: what each passage, and the mixture of all, would write next. */
export interface Step {
  /** The token of the answer that was taken. */
  readonly chosen: Likely
  /** By passage: its ten likeliest tokens, and what it gives to the chosen one. */
  readonly passages: readonly {
    readonly likeliest: readonly Likely[]
    readonly chosen: number
    /** Weight in the mixture at this step. */ readonly weight: number
  }[]
  /** The mixture's ten likeliest tokens. */
  readonly mixture: readonly Likely[]
  /**
   * Key and value rows in the self-attention cache before the step, and those that the step adds; those of the cross-attention, which are
   * as many as the longest source has tokens, since all passages form a batch. Per layer and head.
   */
  readonly cache: { readonly held: number; readonly added: number; readonly crossHeld: number }
}

/** Everything along the path from question to answer, short of the attention maps. */
export interface Walk {
  readonly scene: Scene
  /** The question as the retriever's encoder reads it. */
  readonly questionTokens: readonly Token[]
  /** [dimension], of length 1 */
  readonly questionVector: Float32Array
  /** The stages of the server's search; undefined where the page searched. */
  readonly stages: readonly SearchStage[] | undefined
  /** Dot products with every passage, best first, cut after 200; what the server found, in its order. */
  readonly ranking: readonly RankedPassage[]
  /** All dot products in no order, for the picture of their distribution; none where the server searched. */
  readonly allScores: Float32Array
  /** Softmax of scale * score over the passages that are read; the scale. */
  readonly scoreScale: number
  readonly answer: Answer
  /** What the reader's encoder reads, by passage, in the order of answer.passages. */
  readonly sources: readonly (readonly Token[])[]
  /** The answer's tokens as the decoder reads them: start token first, and without the end, after which nothing is read. */
  readonly target: readonly Token[]
  /** One for each answer token, the end token included. */
  readonly steps: readonly Step[]
  /** Milliseconds: retrieval, reading and writing. */
  readonly milliseconds: { readonly retrieve: number; readonly read: number }
}

/** Attention of one layer over one passage. */
export interface AttentionMap {
  readonly attention: AttentionName
  readonly passage: number
  readonly queries: readonly Token[]
  readonly keys: readonly Token[]
  readonly numHeads: number
  /** [heads, query, key]; rows sum to 1. Decoder rows are those of the finished answer, as they were when each token was written. */
  readonly probs: Float32Array
}

/** Every number behind one cell of an attention map. */
export interface AttentionCell {
  readonly attention: AttentionName
  readonly passage: number
  readonly head: number
  readonly query: number
  readonly key: number
  /** [headDim] each */
  readonly q: Float32Array
  readonly k: Float32Array
  readonly v: Float32Array
  /** Σ q·k */
  readonly dot: number
  readonly scale: number
  /** Relative position bias plus mask, as it was added; -Infinity where the key is hidden. */
  readonly bias: number
  /** dot * scale + bias, from the engine. */
  readonly score: number
  /** The whole row: [key] */
  readonly rowScores: Float32Array
  readonly rowProbs: Float32Array
  readonly prob: number
  /** prob * v, [headDim] */
  readonly weighted: Float32Array
  /** Σ over keys of prob * v, from the engine, [headDim] */
  readonly context: Float32Array
}

/** A passage, or a part of a long one, as the span reader has read it. */
export interface SpanReading {
  /** Place of the passage among the answer's. */
  readonly passage: number
  /** All that is read: question and passage with their marks. */
  readonly tokens: readonly Token[]
  /** Place in `tokens` of the first that an answer may hold. */
  readonly first: number
  /** Start and end logits of that token and those after it, each less that of [CLS], "no answer". */
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** What the span reader finds in the passages of a walk, and what the pipeline gives in the end. */
export interface Quoting {
  readonly reader: ReaderInfo
  /** In the order of the passages. */
  readonly readings: readonly SpanReading[]
  readonly quotes: SpanAnswer
  /**
   * The worded answer against the quote; undefined in the modes of the paper, which refuse and quote nothing, and where a dropped reader words
   * the answer, for which the judgement was not learnt.
   */
  readonly given: (Pick<Answer, 'kind' | 'text'> & { readonly judged: Judged }) | undefined
  readonly milliseconds: number
}

/** How the answer changes when heads are ablated: logits of the answer's tokens under the most probable passage. */
export interface Ablation {
  readonly ablated: readonly HeadName[]
  /** By answer token of the unablated answer: its log-probability without and with the ablation, and the likeliest token with it. */
  readonly tokens: readonly {
    readonly text: string
    readonly before: number
    readonly after: number
    readonly likeliest: Likely
  }[]
  /** What is answered with the ablation. */
  readonly text: string
}

/** An LSTM that reads the same text, one word after the other. */
export interface RecurrentReading {
  readonly words: readonly string[]
  readonly hiddenSize: number
  /** State after each word: [words, hiddenSize] */
  readonly states: Float32Array
  /** How far the last state moves when one word is taken away, relative to its length: [words] */
  readonly influence: Float32Array
  /** The same measure for the reader's encoder: how far the state of its last token, the end mark, moves. [words] */
  readonly encoderInfluence: Float32Array
  /** Steps that must happen one after the other: the LSTM's, and the encoder's layers. */
  readonly sequentialSteps: { readonly lstm: number; readonly encoder: number }
  /** Where the LSTM's weights come from, in a sentence that the page shows. */
  readonly weights: string
}

export interface Progress {
  readonly what: string
  /** Bytes or parts, done and of all. */
  readonly done: number
  readonly total: number
}

/** The engine as the page sees it. Each call can be cancelled; errors arrive as the typed errors they were, with code and message. */
export interface Engine {
  /** Loads models, on another backend than before if need be. When it fails, all stays as it was. */
  load(
    source: ModelSource,
    backend: BackendName,
    options: { readonly onProgress: (progress: Progress) => void; readonly signal?: AbortSignal },
  ): Promise<ModelInfo>
  /** Tells of calls that ended because the device that computes was lost: only another backend, or that one loaded anew, can go on. */
  onLost(listener: (error: Error) => void): void
  /** What can compute here. */
  backends(signal?: AbortSignal): Promise<readonly BackendOffer[]>
  /** The kernels that the last walk's backend compiled from source; none where kernels come compiled. */
  kernels(signal?: AbortSignal): Promise<readonly KernelInfo[]>
  /** `onWriting` gets the best passage's answer while it is written. */
  walk(
    scene: Scene,
    options: { readonly onWriting: (text: string) => void; readonly signal?: AbortSignal },
  ): Promise<Walk>
  /** Of the last walk. */
  attention(attention: AttentionName, passage: number, signal?: AbortSignal): Promise<AttentionMap>
  cell(
    cell: HeadName & { readonly passage: number; readonly query: number; readonly key: number },
    signal?: AbortSignal,
  ): Promise<AttentionCell>
  /** The span reader on the last walk's passages. The first call fetches it. */
  quoting(options: {
    readonly onProgress: (progress: Progress) => void
    readonly signal?: AbortSignal
  }): Promise<Quoting>
  /** As `attention` and `cell`, of the span reader: of a long passage, the part with its best span. */
  spanAttention(attention: AttentionName, passage: number, signal?: AbortSignal): Promise<AttentionMap>
  spanCell(
    cell: HeadName & { readonly passage: number; readonly query: number; readonly key: number },
    signal?: AbortSignal,
  ): Promise<AttentionCell>
  ablation(heads: readonly HeadName[], signal?: AbortSignal): Promise<Ablation>
  recurrent(text: string, signal?: AbortSignal): Promise<RecurrentReading>
  /** The vector of a passage, [dimension]. */
  embed(passage: ScenePassage, signal?: AbortSignal): Promise<Float32Array>
  /** Of the dropped model that is no reader (`ModelInfo.textModel`), over a text. */
  selfAttention(text: string, attention: AttentionName, signal?: AbortSignal): Promise<AttentionMap>
  /** The last walk's scene once in each mode: conditioned, RAG-Sequence, RAG-Token. The last walk stays what it was. */
  modes(signal?: AbortSignal): Promise<readonly Walk[]>
  dispose(): void
}
