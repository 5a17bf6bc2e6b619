/**
 * All that is fuzzed. A new kind of file is another row here.
 */
import { saveTrace } from '../../src/trace/index.js'
import { SAMPLE_INFO, sampleTrace } from '../trace/sample.js'
import { filesMutator } from './mutate/files.js'
import { mutateGguf } from './mutate/gguf.js'
import { mutateHttp } from './mutate/http.js'
import { mutateIndex, mutateJournal, mutateVectorIndex } from './mutate/index-file.js'
import { jsonMutator } from './mutate/json.js'
import { mutatePdf } from './mutate/pdf.js'
import { mutateSafetensors, mutateTrace } from './mutate/safetensors.js'
import { textMutator } from './mutate/text.js'
import { DOCUMENT_SEEDS, openFormat } from './read/documents.js'
import { httpSeeds, openServer } from './read/http.js'
import * as indexes from './read/indexes.js'
import * as model from './read/model-files.js'
import { reading, type Target } from './target.js'

/** Files of a model and indexes are read in milliseconds; what they are made to take is a finding at a thousand times that. */
const FILE = { seconds: 10, megabytes: 300, here: true } as const
/** The limits of parsing, and as much again. */
const DOCUMENT = { seconds: 30, megabytes: 700, here: false } as const
const SERVER = { seconds: 30, megabytes: 300, here: false } as const

const CONFIG_WORDS = ['bert', 't5', 'bart', 'llama', 'qwen3', 'gpt2', 'gelu', 'relu', 'gelu_new', 'silu', 'gated-gelu', 'rope_scaling', 'llama3', 'linear', 'yarn', 'architectures', 'hidden_size', 'num_attention_heads', 'num_hidden_layers', 'vocab_size', 'eos_token_id', 'num_beams', 'float16'] // prettier-ignore
const TOKENIZER_WORDS = ['BPE', 'WordPiece', 'Unigram', 'WordLevel', 'ByteLevel', 'Metaspace', 'Sequence', 'Split', 'Regex', 'String', 'Replace', 'Precompiled', 'NFKC', 'Lowercase', 'Prepend', 'Strip', 'Digits', 'Punctuation', 'Isolated', 'Removed', 'MergedWithPrevious', 'Fuse', 'ByteFallback', 'TemplateProcessing', 'RobertaProcessing', '(a+)+$', '(?:a|aa)*b', '(', '\\p{L}+|.', '(?i)a', '[', '\\', '.*.*.*=', '(?<=a*)b'] // prettier-ignore
const HTML_MARKS = ['<', '>', '</', '<!--', '-->', '<table>', '<tr>', '<td>', '</table>', '<td colspan="1000" rowspan="65534">', '<ul><li>', '<dl><dt>', '<pre>', '<h1>', '<h6>', '<svg>', '<math>', '<template>', '<script>', '<style>', '<title>', '<b>', '</b>', '<p>', '<a href="', '&amp;', '&#x110000;', '&#0;', '&', '<![CDATA[', '<meta charset="utf-7">', '<select>', '<frameset>', '<div', '"', '=', '<br>'] // prettier-ignore
const MARKDOWN_MARKS = ['#', '> ', '- ', '1. ', '*', '**', '_', '`', '```\n', '~~~\n', '|', '|-|-|\n', '[', '](', ')', '![', '<', '>', '\\', '&amp;', '  \n', '\n\n', '[^1]', '[^1]: ', '[a]: <b> "c"\n', '<div>', '<!--', 'http://a.b', '~~', '---\n', '\t', '    '] // prettier-ignore
const YAML_MARKS = ['---\n', '...\n', '- ', ': ', '? ', '&a ', '*a', '!!str ', '!!binary ', '<<: ', '{', '}', '[', ']', '|', '>', '"', "'", '#', '%YAML 9.9\n', '\t', '  ', '\n', '&a [*a, *a]', '.inf', '0x', '1e999', '!!js/function ', '2020-13-45', '~'] // prettier-ignore
const TABLE_MARKS = ['"', '""', ',', '\t', ';', '|', '\n', '\r\n', '\r', '\ufeff', 'id', 'text', 'title', '=1+1', "'"]
const TEXT_MARKS = [
  '.',
  '!',
  '?',
  '\n',
  '\n\n',
  ' ',
  '\t',
  'Mr. ',
  'a',
  '。',
  '…',
  '"',
  '”',
  'A.B.',
  '-\n',
  '\u00ad',
  '\u200b',
]
const RECORD_WORDS = ['id', 'title', 'text', 'content', 'metadata', 'source', 'tags']

const documents = (
  format: Parameters<typeof openFormat>[0],
  mutate: Target['mutate'],
  seeds: keyof typeof DOCUMENT_SEEDS,
): Target => ({
  name: seeds === 'frontMatter' ? 'front-matter' : seeds,
  seeds: DOCUMENT_SEEDS[seeds],
  mutate,
  open: openFormat(format),
  ...DOCUMENT,
})

export const TARGETS: readonly Target[] = [
  {
    name: 'safetensors',
    seeds: model.safetensorsSeeds,
    mutate: mutateSafetensors,
    open: reading(model.readSafetensors),
    ...FILE,
  },
  { name: 'gguf', seeds: model.ggufSeeds, mutate: mutateGguf, open: reading(model.readGguf), ...FILE },
  {
    name: 'shard-index',
    seeds: model.shardIndexSeeds,
    mutate: jsonMutator(['weight_map', '../model.safetensors']),
    open: reading(model.readShardIndex),
    ...FILE,
  },
  {
    name: 'config',
    seeds: model.modelFolderSeeds,
    mutate: filesMutator(jsonMutator(CONFIG_WORDS)),
    open: reading(model.readModelFolder),
    ...FILE,
  },
  {
    name: 'tokenizer',
    seeds: model.tokenizerSeeds,
    mutate: filesMutator(jsonMutator(TOKENIZER_WORDS)),
    open: reading(model.readTokenizer),
    ...FILE,
  },
  {
    name: 'trace',
    seeds: () => [saveTrace(sampleTrace(), SAMPLE_INFO)],
    mutate: mutateTrace,
    open: reading(model.readTrace),
    ...FILE,
  },
  {
    name: 'corpus',
    seeds: model.corpusSeeds,
    mutate: jsonMutator(RECORD_WORDS),
    open: reading(model.readCorpus),
    ...FILE,
  },
  { name: 'index', seeds: indexes.indexSeeds, mutate: mutateIndex, open: reading(indexes.readIndex), ...FILE },
  {
    name: 'vector-index',
    seeds: indexes.vectorIndexSeeds,
    mutate: mutateVectorIndex,
    open: reading(indexes.readVectorIndex),
    ...FILE,
  },
  { name: 'journal', seeds: indexes.journalSeeds, mutate: mutateJournal, open: indexes.openJournals, ...FILE },
  documents('html', textMutator(HTML_MARKS), 'html'),
  documents('markdown', textMutator(MARKDOWN_MARKS), 'markdown'),
  documents('markdown', textMutator(YAML_MARKS), 'frontMatter'),
  documents('pdf', mutatePdf, 'pdf'),
  documents('csv', textMutator(TABLE_MARKS), 'csv'),
  documents('tsv', textMutator(TABLE_MARKS), 'tsv'),
  documents('json', jsonMutator(RECORD_WORDS), 'json'),
  documents('jsonl', jsonMutator(RECORD_WORDS), 'jsonl'),
  documents('text', textMutator(TEXT_MARKS), 'text'),
  { name: 'http', seeds: httpSeeds, mutate: mutateHttp, open: openServer, ...SERVER },
]
