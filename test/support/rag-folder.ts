/**
 * A RAG folder as a user has it, made of a golden checkpoint: config.json, weights, both tokenizers, passages and their index. The
 * checkpoint's vocabulary is noise, so the tokenizers only have to be right in their form.
 */
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { referenceBackend } from '../../src/backends/index.js'
import { JsonObject } from '../../src/files/json.js'
import { DPRContextEncoder } from '../../src/models/index.js'
import { encodeIndex, indexPassages, type FlatIndex, type Passage } from '../../src/rag/index.js'
import { corpusFingerprint } from '../../src/rag/finding/index-file.js'
import { Tokenizer } from '../../src/tokenizer/index.js'
import { goldenPath } from './goldens.js'

export const PASSAGES: readonly Passage[] = [
  { id: '1', title: '"France"', text: 'The capital of France is Paris.' },
  { id: '2', title: 'Spain', text: 'The capital of Spain is Madrid.' },
  { id: '3', title: 'Paris', text: 'Paris is a city in  France.' },
  { id: '4', title: 'Iceland', text: 'Iceland is an island.' },
]

/** Words for the rest of a model's ids, so that whatever noise writes is text. */
const FILLING = Array.from({ length: 41 }, (_, i) => `word${i}`)

/** WordPiece over a few words and all letters. @param special tokens in the order of their ids, the unknown one `[UNK]` */
function tokenizerJson(special: readonly string[], [begin, end]: readonly [string, string]): object {
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const words = ['the', 'capital', 'of', 'france', 'is', 'what', 'paris', 'spain', 'city', 'in']
  const pieces = [...special, ...words, ...letters, ...letters.map((letter) => `##${letter}`), ...'?./', ...FILLING]
  const piece = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [piece(begin, 0), text('A', 0), piece(end, 0)],
      pair: [piece(begin, 0), text('A', 0), piece(end, 0), text('B', 1), piece(end, 1)],
      special_tokens: Object.fromEntries(
        [begin, end].map((id) => [id, { id, ids: [special.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(pieces.map((token, id) => [token, id])),
    },
  }
}

const QUESTION = tokenizerJson(['[PAD]', '[UNK]', '[CLS]', '[SEP]'], ['[CLS]', '[SEP]'])
const GENERATOR = tokenizerJson(['<s>', '<pad>', '</s>', '[UNK]'], ['<s>', '</s>'])

/** @param folder a RAG golden with a BART generator; files by their path */
export async function ragFolder(folder: string): Promise<Map<string, Uint8Array>> {
  const config = JSON.parse(readFileSync(goldenPath(folder, 'config.json'), 'utf8')) as { readonly generator: object }
  const encoder = await DPRContextEncoder.fromPretrained(goldenPath('dpr/context-encoder'), {
    backend: referenceBackend(),
  })
  const tokenizer = new Tokenizer(new JsonObject(QUESTION as never, 'tokenizer.json'))
  const { index } = await indexPassages(encoder, tokenizer, PASSAGES, { batchSize: 3 })
  const meta = { encoder: 'dpr', corpus: corpusFingerprint(PASSAGES) }
  const text = (content: unknown) => new TextEncoder().encode(JSON.stringify(content))
  return new Map([
    // The golden's own maxima are those of the full size, which a model with 48 positions does not have. Noise likes to end at once.
    [
      'config.json',
      text({
        ...config,
        max_combined_length: 40,
        retrieval_vector_size: 32,
        generator: { ...config.generator, min_length: 8 },
      }),
    ],
    ['model.safetensors', new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors')))],
    ['question_encoder_tokenizer/tokenizer.json', text(QUESTION)],
    ['generator_tokenizer/tokenizer.json', text(GENERATOR)],
    ['generator_tokenizer/tokenizer_config.json', text({ pad_token: '<pad>' })],
    ['passages.jsonl', new TextEncoder().encode(PASSAGES.map((passage) => JSON.stringify(passage)).join('\n'))],
    ['index.bin', encodeIndex(index as FlatIndex, meta)],
  ])
}

/** Writes {@link ragFolder} to disk. */
export async function writeRagFolder(folder: string, path: string): Promise<void> {
  for (const [name, content] of await ragFolder(folder)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), content)
  }
}
