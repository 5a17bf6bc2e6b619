export {
  CorpusError,
  parseCorpus,
  passageText,
  type Metadata,
  type MetadataValue,
  type Passage,
  type PassagePlace,
  type PassageSource,
} from './finding/corpus.js'
export { EncoderMismatchError, type EncoderIdentity } from './finding/encoder-identity.js'
export {
  FlatIndex,
  type IndexDType,
  type IndexRows,
  type SearchHit,
  type SearchOptions,
  type VectorRows,
} from './finding/flat-index.js'
export { decodeIndex, encodeIndex, IndexFileError, type IndexMeta } from './finding/index-file.js'
export { IndexScan, type ScannableRows } from './finding/index-scan.js'
export { PackedRows, type RowBlocks } from './finding/packed-rows.js'
export { placeInSource, type SourcePlace } from './finding/passage-place.js'
export { fuseRankings, type FusedRank } from './finding/reciprocal-rank.js'
export { Reranker, type RankedPassage, type RerankOptions } from './finding/reranker.js'
export {
  Retriever,
  type BuildOptions,
  type RetrievedPassage,
  type StageRanks,
  type StageScores,
} from './finding/retriever.js'
export { SentenceEncoder, type EmbedOptions, type SentenceEncoderOptions } from './finding/sentence-encoder.js'
export * from './stores/index.js'
export { ragConfig, type RagConfig } from './paper/rag-config.js'
export {
  RagModel,
  type Contexts,
  type RagFromPretrainedOptions,
  type RagInputs,
  type RagOutput,
  type RagRunOptions,
} from './paper/rag-model.js'
export {
  indexPassages,
  RagRetriever,
  type IndexedPassages,
  type RagRetrieverOptions,
  type RetrievedContexts,
  type VectorIndex,
} from './paper/rag-retriever.js'
export {
  RagSequenceForGeneration,
  type NllOptions,
  type RagSequenceGenerateOptions,
  type RagSequenceGenerateOutput,
  type RagSequenceInputs,
  type RagSequenceOptions,
  type RagSequenceOutput,
} from './paper/rag-sequence.js'
export {
  RagTokenForGeneration,
  type RagTokenGenerateOptions,
  type RagTokenInputs,
  type RagTokenOptions,
  type RagTokenOutput,
} from './paper/rag-token.js'
export { RagTokenizer, ragTokenizer, type Decodable } from './paper/rag-tokenizer.js'
export {
  ABSTENTION,
  type Answer,
  type AnswerPassage,
  type AnswerToken,
  type Candidate,
  type Judged,
  type PromptAnswer,
  type PromptPassage,
  type RagMode,
  type Source,
  type WordOfPassage,
  type WordOfQuestion,
} from './reading/answer.js'
export { AutoReader } from './reading/auto-reader.js'
export type { AnswerOf, AnyReader, OptionsOf, PassageReader, WeighedPassage } from './reading/passage-reader.js'
export {
  promptMessages,
  PromptReader,
  type PromptFormat,
  type PromptOptions,
  type PromptReaderOptions,
  type Turn,
} from './reading/prompt-reader.js'
export { readerInput } from './reading/reader-input.js'
export { Reader, type ReaderFromPretrainedOptions, type ReadOptions } from './reading/reader.js'
export { Calibration, type Signals } from './reading/calibration.js'
export { QuotingReader, type Judgement } from './reading/quoting-reader.js'
export { quoteAround } from './reading/quote.js'
export type { QuotedPassage, QuotedSpan, SpanAnswer } from './reading/span-answer.js'
export { SpanReader, type SpanOptions, type SpanReaderOptions } from './reading/span-reader.js'
export { Conversation, type ConversationOptions } from './conversation.js'
export {
  Rag,
  SCORE_SCALE,
  weighPassages,
  type AskOptions,
  type RagOptions,
  type RagReaderOptions,
  type RetrievalOptions,
} from './rag.js'
