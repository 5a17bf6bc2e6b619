/**
 * Lesson 4: positions. Attention as in lesson 2 adds up values with weights that come from dot products. Nowhere does
 * it ask in which order the tokens stand: shuffle them, and each gets the same mixture as before. So the order has to
 * be put in by other means. Our two models show two ways: MiniLM, a BERT, adds a learned vector for the place, "I
 * am token 7"; the reader, a T5, adds a learned number to each score for the distance, "you stand two to my right".
 * (Llama and Qwen turn queries and keys by an angle that grows with the place.)
 *
 *   npx tsx lessons/04-positions.ts
 */
import { readFile } from 'node:fs/promises'
import {
  AutoTokenizer,
  BertModel,
  record,
  replaceWith,
  SafetensorsFile,
  T5ForConditionalGeneration,
  Tensor,
  type Hooks,
} from 'glassformer'
import { cosine, dot, matrix, mean } from './plain.js'
import { fixed, same, table } from './print.js'

// The question at the end: with --experiment both models lose their positions.
const EXPERIMENT = process.argv.includes('--experiment')
const PASSAGE = 'France is a country in Europe. Its capital is Paris.'
const QUESTION = 'What is the capital of France?'

/** With --experiment, hooks that put zeros in the place of what passes a point. */
const without = (point: string): Hooks => (EXPERIMENT ? replaceWith(point, Tensor.float32([0])) : {})

// --- A number for each distance: T5
// The table has 32 rows, the buckets of distances, and a column for each head; all layers share it. In an encoder, 16
// buckets look back and 16 ahead: of each, one for each distance from 0 to 7, then ever wider ones, and all beyond 128
// share the last.
const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const reader = await T5ForConditionalGeneration.fromPretrained('./weights/reader')
const { ids } = tokenizer.encode(`${PASSAGE} // ${QUESTION}`)
const { trace: read } = await record(
  (hooks) => reader.encode({ inputIds: [ids] }, { hooks }),
  ['encoder.position_bias'],
)
const bias = read.get('encoder.position_bias')![0].select(0, 0) // [head, query, key]
const readerFile = await SafetensorsFile.open(await readFile('weights/reader/model.safetensors'))
const name = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
const buckets = matrix((await readerFile.tensor(name)).to('float32')) // [bucket, head]

/** Bucket of key position - query position. */
function bucket(distance: number): number {
  const ahead = distance > 0 ? 16 : 0
  const steps = Math.abs(distance)
  if (steps < 8) return ahead + steps
  return ahead + Math.min(15, 8 + Math.floor((8 * Math.log(steps / 8)) / Math.log(128 / 8)))
}

console.log("1. What the reader adds to a score, by distance: the table's row, and each head's number")
const distances = [-16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16]
const heads = [1, 4, 5, 6]
table(
  ['distance', 'bucket', ...heads.map((head) => `head ${head}`)],
  distances.map((d) => [String(d), String(bucket(d)), ...heads.map((head) => fixed(buckets[bucket(d)][head], 1))]),
)
// Head 1 is the one that looks at the token before (lesson 3). It owes that to this column: the number of
// distance -1 leads by more than 7, and e^7 is 1,100. Hardly any product of query and key makes up for that.
const query = 11 // ĠPar
same(
  'position_bias of one query in head 1',
  ids.map((_, key) => buckets[bucket(key - query)][1]),
  bias.select(0, 1).select(0, query).toArray(),
)

// --- A vector for each place: BERT
// Three rows are summed: one for the token, one for the segment (all 0 here) and one for the place. LayerNorm then
// shifts and scales the sum to mean 0 and variance 1, and by weights and biases of its own.
const words = await AutoTokenizer.fromPretrained('./weights/all-MiniLM-L6-v2')
const miniLM = await BertModel.fromPretrained('./weights/all-MiniLM-L6-v2')
const { trace: seen } = await record(
  (hooks) => miniLM.forward({ inputIds: [words.encode(PASSAGE).ids] }, { hooks }),
  ['embeddings.*'],
)
const [word, place, segment, out] = ['word', 'position', 'token_type', 'out'].map(
  (part) => matrix(seen.get(`embeddings.${part}`)![0].select(0, 0)), // [token, 384] each
)
const miniLMFile = await SafetensorsFile.open(await readFile('weights/all-MiniLM-L6-v2/model.safetensors'))
const [normWeight, normBias] = await Promise.all(
  ['weight', 'bias'].map(async (part) => (await miniLMFile.tensor(`embeddings.LayerNorm.${part}`)).toArray()),
)
const summed = word[5].map((value, i) => value + place[5][i] + segment[5][i])
const average = summed.reduce((a, b) => a + b, 0) / summed.length
const centred = summed.map((value) => value - average)
const deviation = Math.sqrt(dot(centred, centred) / centred.length)
console.log('\n2. MiniLM: word + place + segment, normed')
same(
  'embedding of token 5',
  centred.map((value, i) => (value / deviation) * normWeight[i] + normBias[i]),
  out[5],
)

// Nobody told the places that they lie on a line. Learned from text, neighbours came out alike.
const places = matrix((await miniLMFile.tensor('embeddings.position_embeddings.weight')).to('float32')) // [512, 384]
console.log('\n3. Cosine between the vector of place 20 and those of other places')
const others = [20, 21, 22, 24, 30, 50, 100, 200]
table(others.map(String), [others.map((other) => fixed(cosine(places[20], places[other])))])

// --- The question
// Two sentences of the same words, and one with another word. Note that with positions too, the first two are nearly
// one to MiniLM: its vector says what a text is about, and hardly who is the capital of whom. A sentence's vector is
// the mean of its tokens' last states (lesson 7).
async function sentenceVector(text: string): Promise<number[]> {
  const inputIds = [words.encode(text).ids]
  const { lastHiddenState } = await miniLM.forward({ inputIds }, { hooks: without('embeddings.position') })
  const states = matrix(lastHiddenState.select(0, 0)) // [token, 384]
  return mean(states)
}
console.log(`\n4. Cosine of sentences${EXPERIMENT ? ', positions set to zero' : ''}`)
const right = await sentenceVector('Paris is the capital of France.')
for (const text of [
  'France is the capital of Paris.',
  'capital the France Paris of is.',
  'Lyon is the capital of France.',
]) {
  console.log(
    `  ${fixed(cosine(right, await sentenceVector(text)), 3)}  "Paris is the capital of France." and "${text}"`,
  )
}
const { sequences } = await reader.generate(
  { inputIds: [ids] },
  { maxNewTokens: 20, hooks: without('encoder.position_bias') },
)
console.log(`  ${QUESTION} ${tokenizer.decode(sequences[0])}`)
console.log(
  EXPERIMENT
    ? '\nAnswer: nothing. All orders of the same words are one vector to MiniLM, and the reader finds words but not their order.'
    : '\nQuestion: set the positions to zero. What is left of the order of words?\nGuess the first two cosines, then run again with --experiment.',
)
reader.dispose()
miniLM.dispose()
