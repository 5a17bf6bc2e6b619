/**
 * Lesson 6: the decoder, and cross-attention. The decoder writes the answer one token at a time. Each step goes through
 * three blocks a layer: self-attention over what is already written, cross-attention into what the encoder made of the
 * passage and question, and feed-forward. Cross-attention is the attention of lesson 2 with the query from one text and
 * keys and values from another. At the end, the state is compared with every row of the embedding table: the dot
 * products, the logits, become the next token's probabilities.
 *
 *   npx tsx lessons/06-decoder-and-cross-attention.ts
 */
import { readFile } from 'node:fs/promises'
import { AutoTokenizer, record, SafetensorsFile, T5ForConditionalGeneration, type Hooks } from 'glassformer'
import { dot, largest, matrix, mean, softmax, weightedSum } from './plain.js'
import { fixed, heatMap, same, table } from './print.js'

// The question at the end: with --experiment the decoder cannot see the words of this list, in any head of any layer.
const EXPERIMENT = process.argv.includes('--experiment')
const HIDDEN = ['ĠPar', 'is'] // try ['ĠFrance']
const LAYERS = 2

const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const model = await T5ForConditionalGeneration.fromPretrained('./weights/reader')
const { ids, tokens } = tokenizer.encode(
  'France is a country in Europe. Its capital is Paris. // What is the capital of France?',
)
const hidden = tokens.flatMap((token, key) => (HIDDEN.includes(token) ? [key] : []))
const blindfold: Hooks = {
  'decoder.*.cross_attention.scores': (scores) => {
    const changed = scores.copy() // [1, head, query, key]
    const keys = ids.length
    for (let i = 0; i < changed.size; i++) if (hidden.includes(i % keys)) changed.data[i] = -Infinity // e^-∞ = 0
    return changed
  },
}
const changes = EXPERIMENT ? blindfold : {}

// --- Writing
// The decoder starts from a start token. What it writes is appended and read in the next step. Nothing is planned
// ahead.
const { output, trace } = await record(
  (hooks) => model.generate({ inputIds: [ids] }, { maxNewTokens: 20, hooks: { ...changes, ...hooks } }),
  [
    'decoder.*.probs',
    ...['q', 'k', 'v', 'context'].map((point) => `decoder.1.cross_attention.${point}`),
    'decoder.0.self_attention.k',
    'decoder.final_norm',
    'logits',
  ],
)
const read = output.sequences[0].map((id) => tokenizer.idToToken(id)!) // start token, then what was written
const written = read.slice(1)
/** What a hook point showed in a step. Each step computes one query. */
const at = (point: string, step: number) => trace.get(point)![step].select(0, 0)

console.log('1. Step by step: the last token read, and what may follow it with a probability of 0.01 or more')
table(
  ['step', 'reads', 'next'],
  written.map((_, step) => {
    const probs = softmax(at('logits', step).toArray()) // [vocabulary]
    const likely = largest(probs, 3).filter((id) => probs[id] >= 0.01)
    return [String(step), read[step], likely.map((id) => `${tokenizer.idToToken(id)} ${fixed(probs[id])}`).join('  ')]
  }),
)
console.log(`  ${tokenizer.decode(output.sequences[0])}`)

// The logits of step 0 by hand: the state against the rows of lesson 1's table. T5 divides by √dModel here.
const file = await SafetensorsFile.open(await readFile('weights/reader/model.safetensors'))
const embeddings = matrix((await file.tensor('shared.weight')).to('float32')) // [4096, 256]
const state = at('decoder.final_norm', 0).toArray() // [256]
same(
  'logits',
  embeddings.map((row) => dot(state, row) / Math.sqrt(256)),
  at('logits', 0).toArray(),
)

// --- Where it looks
/** Share of each source token in a step, mean over the heads of both layers. */
const lookedAt = written.map((_, step) => {
  const rows = Array.from({ length: LAYERS }, (_, layer) =>
    matrix(at(`decoder.${layer}.cross_attention.probs`, step).select(1, 0)),
  )
  return mean(rows.flat())
})
console.log('\n2. Cross-attention in percent: a row for each step, a column for each token of passage and question')
console.log(`  ${tokens.map((token, i) => `${i}:${token}`).join(' ')}`)
heatMap(read.slice(0, -1), lookedAt)
// Read a row by what the step writes, not by what it reads. The step that reads "capital" writes "of" and looks at the
// question's "of", word by word along the question. "Paris" is written by the step that reads "is". So "capital looks
// at Paris" does not happen in this decoder. It does in the encoder (table 4 of lesson 2), and the step that
// needs the name looks straight at the name.

// --- One cross-attention, by hand
const step = read.indexOf('Ġis') // the step that writes the name
const [q, k, v, context] = ['q', 'k', 'v', 'context'].map((point) =>
  matrix(at(`decoder.1.cross_attention.${point}`, step).select(0, 0)),
)
// q [1, 32] is of this step; k and v [source, 32] were made once, in step 0, from the encoder's output, and stay. There
// is no position here: distances between two different texts mean nothing.
const scores = k.map((key, i) => (EXPERIMENT && hidden.includes(i) ? -Infinity : dot(q[0], key)))
const shares = softmax(scores)
const [most] = largest(shares, 1)
console.log(`\n3. Head 0 of layer 1 in step ${step}, by hand: ${fixed(shares[most])} at ${most}:${tokens[most]}`)
same('context', weightedSum(shares, v), context[0])

// --- What is kept
// A token's key and value depend only on tokens before it, since no token may look ahead: that is what makes writing
// one by one the same as computing all at once, and why each step adds one row of keys and values to those kept from
// before (the KV cache).
console.log('\n4. Self-attention of the decoder, layer 1, head 0: each step sees itself and what is before it')
heatMap(
  read.slice(0, -1),
  written.map((_, step) => {
    const row = at('decoder.1.self_attention.probs', step).select(0, 0).select(0, 0).toArray() // [step + 1]
    return [...row, ...new Array<number>(written.length - row.length).fill(0)]
  }),
)
console.log(
  `  keys kept in layer 0, by step: ${written.map((_, step) => at('decoder.0.self_attention.k', step).shape[1]).join(' ')}`,
)

console.log(
  EXPERIMENT
    ? '\nAnswer: the same sentence with a name that stands nowhere, of which it is unsure (step 5). The name has to come through\ncross-attention; the form of the sentence does not.'
    : '\nQuestion: hide "Paris" from the decoder, in every head. What will it write in its place?\nGuess, then run again with --experiment.',
)
model.dispose()
