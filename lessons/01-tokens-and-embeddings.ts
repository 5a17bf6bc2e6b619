/**
 * Lesson 1: tokens and embeddings. A model computes with numbers. A text becomes numbers in two steps: it is cut into
 * tokens, each of which has a number, its id; and each id picks a row of a table, its embedding. The table is learned,
 * and the rest of the model sees nothing of the text but these rows.
 *
 *   npx tsx lessons/01-tokens-and-embeddings.ts
 */
import { readFile } from 'node:fs/promises'
import { AutoTokenizer, record, SafetensorsFile, T5ForConditionalGeneration, type Float } from 'glassformer'
import { cosine, largest, matrix } from './plain.js'
import { beginning, fixed, same, table } from './print.js'

// The question at the end: with --experiment the passage names a city that is made up.
const EXPERIMENT = process.argv.includes('--experiment')
const CITY = EXPERIMENT ? 'Zorblax' : 'Paris'
const PASSAGE = `France is a country in Europe. Its capital is ${CITY}.`
const QUESTION = 'What is the capital of France?'

const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const model = await T5ForConditionalGeneration.fromPretrained('./weights/reader')

// --- Tokens
// The reader's vocabulary has 4,096 tokens, found by merging the most frequent neighbours again and again (byte-pair
// encoding). Ġ stands for a space. A common word is one token; a rare one is cut into pieces, in the worst case into
// letters. Note that " France" within a sentence is one token, but "France" at its beginning, without the space, is two
// others: to the model these are unrelated ids until training has taught it otherwise.
console.log('1. What the reader reads: passage // question')
const { ids, tokens } = tokenizer.encode(`${PASSAGE} // ${QUESTION}`)
console.log(`  ${tokens.map((token, i) => `${i}:${token}`).join(' ')}`)

// The retriever's encoder, MiniLM, has a vocabulary of its own: 30,522 lower-case word pieces, where ## marks the
// middle of a word.
const miniLM = await AutoTokenizer.fromPretrained('./weights/all-MiniLM-L6-v2')
console.log('\n2. The same passage for MiniLM')
console.log(`  ${miniLM.encode(PASSAGE).tokens.join(' ')}`)

// --- Embeddings
// The table is a tensor in the checkpoint, [vocabulary, dModel]. Looking up a token is reading a row; there is no
// arithmetic in it.
const readerFile = await SafetensorsFile.open(await readFile('weights/reader/model.safetensors'))
const readerTable = (await readerFile.tensor('shared.weight')).to('float32') // [4096, 256]
const capital = tokens.indexOf('Ġcapital')
const row = readerTable.select(0, ids[capital]).toArray() // [256]
console.log(`\n3. Row ${ids[capital]} of the reader's table ${JSON.stringify(readerTable.shape)}, which is Ġcapital`)
beginning(row)

const { trace } = await record(
  (hooks) => model.encode({ inputIds: [ids] }, { hooks }),
  ['encoder.embeddings.out', 'encoder.final_norm'],
)
const embedded = matrix(trace.get('encoder.embeddings.out')![0].select(0, 0)) // [token, 256]
same('embedding of Ġcapital', row, embedded[capital])

// --- What the rows know
// Training moves rows. Words that are used alike get pulled alike, so directions come to mean something. Here are the
// words of MiniLM's vocabulary whose rows have the smallest angle with that of "paris" and of "capital" (cosine 1 is
// the same direction).
const miniLMFile = await SafetensorsFile.open(await readFile('weights/all-MiniLM-L6-v2/model.safetensors'))
const miniLMTable = (await miniLMFile.tensor('embeddings.word_embeddings.weight')).to('float32') // [30522, 384]
console.log("\n4. Nearest rows in MiniLM's table, before any layer")
for (const word of ['paris', 'capital']) {
  const near = neighbours(miniLMTable, miniLM.tokenToId(word)!)
  console.log(`  ${word}: ${near.map(({ id, cosine }) => `${miniLM.idToToken(id)} ${fixed(cosine)}`).join(', ')}`)
}
// The reader's own table was trained from scratch on made-up documents. Such neighbours are not to be expected there.
const near = neighbours(readerTable, tokenizer.tokenToId('ĠFrance')!)
console.log(
  `  in the reader's, ĠFrance: ${near.map(({ id, cosine }) => `${tokenizer.idToToken(id)} ${fixed(cosine)}`).join(', ')}`,
)

// --- What the rows do not know
// A row is the same wherever its token stands: the "capital" of the passage and that of the question are one vector.
// Four layers later each has taken in something of what stands around it.
const encoded = matrix(trace.get('encoder.final_norm')![0].select(0, 0)) // [token, 256]
const twice = ['Ġcapital', 'Ġis'].map((token) => [token, tokens.indexOf(token), tokens.lastIndexOf(token)] as const)
console.log('\n5. Cosine between two places of the same token')
table(
  ['token', 'places', 'embedding', 'after the encoder'],
  twice.map(([token, a, b]) => [
    token,
    `${a}, ${b}`,
    fixed(cosine(embedded[a], embedded[b])),
    fixed(cosine(encoded[a], encoded[b])),
  ]),
)

// --- The question
// The reader was trained on names that were made up, but hardly on "Zorblax". Does it have a number for it, and can it
// answer? Put another word into CITY.
console.log(`\n6. ${PASSAGE}`)
const pieces = tokenizer.encode(` ${CITY}`, { addSpecialTokens: false }).tokens
const { sequences } = await model.generate({ inputIds: [ids] }, { maxNewTokens: 20 })
console.log(`  " ${CITY}" is ${pieces.length} tokens: ${pieces.join(' ')}`)
console.log(`  ${QUESTION} ${tokenizer.decode(sequences[0])}`)
console.log(
  EXPERIMENT
    ? '\nAnswer: no word is unknown to this tokenizer. It is cut into known pieces, and the reader copies them one by one.'
    : '\nQuestion: what happens to a city that the model has never heard of? Run again with --experiment.',
)
model.dispose()

/** The rows with the largest cosine to that of `id`, itself left out. */
function neighbours(embeddings: Float, id: number): { id: number; cosine: number }[] {
  const [vocabulary, dModel] = embeddings.shape
  const rows = Array.from({ length: vocabulary }, (_, i) => embeddings.data.subarray(i * dModel, (i + 1) * dModel))
  const cosines = rows.map((row) => cosine(row, rows[id]) || 0) // a row of zeros has no direction
  return largest(cosines, 7)
    .filter((other) => other !== id)
    .map((other) => ({ id: other, cosine: cosines[other] }))
}
