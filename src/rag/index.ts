export {
  ABSTENTION,
  type Answer,
  type AnswerPassage,
  type AnswerToken,
  type Candidate,
  type PromptAnswer,
  type PromptPassage,
  type RagMode,
  type Source,
  type WordOfPassage,
  type WordOfQuestion,
} from './answer.js'
export { AutoReader } from './auto-reader.js'
export { Conversation, type ConversationOptions } from './conversation.js'
export {
  CorpusError,
  parseCorpus,
  passageText,
  type Metadata,
  type MetadataValue,
  type Passage,
  type PassageSource,
} from './corpus.js'
export { EncoderMismatchError, type EncoderIdentity } from './encoder-identity.js'
export { IndexScan, type ScannableRows } from './index-scan.js'
export { PackedRows, type RowBlocks } from './packed-rows.js'
export {
  FlatIndex,
  type IndexDType,
  type IndexRows,
  type SearchHit,
  type SearchOptions,
  type VectorRows,
} from './flat-index.js'
export { decodeIndex, encodeIndex, IndexFileError, type IndexMeta } from './index-file.js'
export type { AnswerOf, AnyReader, OptionsOf, PassageReader, WeighedPassage } from './passage-reader.js'
export {
  promptMessages,
  PromptReader,
  type PromptFormat,
  type PromptOptions,
  type PromptReaderOptions,
  type Turn,
} from './prompt-reader.js'
export { Reader, type ReaderFromPretrainedOptions, type ReadOptions } from './reader.js'
export { readerInput } from './reader-input.js'
export {
  Rag,
  SCORE_SCALE,
  weighPassages,
  type AskOptions,
  type RagOptions,
  type RagReaderOptions,
  type RetrievalOptions,
} from './rag.js'
export { Reranker, type RankedPassage, type RerankOptions } from './reranker.js'
export { fuseRankings, type FusedRank } from './reciprocal-rank.js'
export { Retriever, type BuildOptions, type RetrievedPassage, type StageRanks, type StageScores } from './retriever.js'
export { StoreRetriever } from './store-retriever.js'
export { SentenceEncoder, type EmbedOptions, type SentenceEncoderOptions } from './sentence-encoder.js'
export { ragConfig, type RagConfig } from './rag-config.js'
export {
  RagModel,
  type Contexts,
  type RagFromPretrainedOptions,
  type RagInputs,
  type RagOutput,
  type RagRunOptions,
} from './rag-model.js'
export {
  indexPassages,
  RagRetriever,
  type IndexedPassages,
  type RagRetrieverOptions,
  type RetrievedContexts,
  type VectorIndex,
} from './rag-retriever.js'
export {
  RagSequenceForGeneration,
  type NllOptions,
  type RagSequenceGenerateOptions,
  type RagSequenceGenerateOutput,
  type RagSequenceInputs,
  type RagSequenceOptions,
  type RagSequenceOutput,
} from './rag-sequence.js'
export {
  RagTokenForGeneration,
  type RagTokenGenerateOptions,
  type RagTokenInputs,
  type RagTokenOptions,
  type RagTokenOutput,
} from './rag-token.js'
export { RagTokenizer, ragTokenizer, type Decodable } from './rag-tokenizer.js'
export * from './stores/index.js'
