export type { Answer, AnswerPassage, AnswerToken, Candidate, RagMode } from './answer.js'
export { CorpusError, parseCorpus, type Passage } from './corpus.js'
export { IndexScan } from './index-scan.js'
export { FlatIndex, type IndexDType, type SearchHit } from './flat-index.js'
export { decodeIndex, encodeIndex, IndexFileError, type IndexMeta } from './index-file.js'
export { ABSTENTION, Reader, readerInput } from './reader.js'
export { Rag, type AskOptions, type RagOptions } from './rag.js'
export { Retriever, type BuildOptions, type RetrievedPassage } from './retriever.js'
export { SentenceEncoder, type EmbedOptions } from './sentence-encoder.js'
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
