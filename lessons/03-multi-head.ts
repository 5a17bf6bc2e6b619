/**
 * Lesson 3: multi-head attention. One softmax row can only look one way at a time. So each layer has several heads:
 * narrow attentions side by side, each with queries, keys and values of its own. Our reader has 8 heads of 32 numbers
 * in each of its layers; MiniLM has 12. Each head's context goes through its own slice of one output matrix, and the
 * layer's result is the sum of what the heads add.
 *
 *   npx tsx lessons/03-multi-head.ts
 */
import { readFile } from 'node:fs/promises'
import { ablateHead, AutoTokenizer, record, SafetensorsFile, T5ForConditionalGeneration, type Hooks } from 'glassformer'
import { dot, largest, matrix, softmax } from './plain.js'
import { bar, fixed, heatMap, same, table } from './print.js'

// The question at the end: with --experiment each head is taken away in turn.
const EXPERIMENT = process.argv.includes('--experiment')
const QUERY = 'Ġcapital' // the first one, which is in the passage
const LAYERS = 4
const HEADS = 8
const ANSWER = 'The capital of France is Paris.'

const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const model = await T5ForConditionalGeneration.fromPretrained('./weights/reader')
const { ids, tokens } = tokenizer.encode(
  'France is a country in Europe. Its capital is Paris. // What is the capital of France?',
)
const { trace } = await record(
  (hooks) => model.encode({ inputIds: [ids] }, { hooks }),
  ['encoder.*.probs', 'encoder.0.self_attention.context', 'encoder.0.self_attention.out'],
)
/** [query, key] */
const probs = (layer: number, head: number) =>
  matrix(trace.get(`encoder.${layer}.self_attention.probs`)![0].select(0, 0).select(0, head))
const query = tokens.indexOf(QUERY)

// --- Eight ways to look
console.log(`1. Where ${query}:${QUERY} looks, in each head of layer 0`)
table(
  ['head', 'most at', '', '', 'then at', ''],
  Array.from({ length: HEADS }, (_, head) => {
    const row = probs(0, head)[query]
    const [first, second] = largest(row, 2)
    const name = (key: number) => `${key}:${tokens[key]}`
    return [String(head), name(first), fixed(row[first]), bar(row[first]), name(second), fixed(row[second])]
  }),
)

// --- Who does what
// Nobody told the heads what to be. Some end up with a job that can be read off: head 1 of every layer looks at the
// token before, by which the second piece of a word can find the first. Several give a good part to their own token.
// Most have no job with a name.
const jobs = {
  'the token before': (row: number[], query: number) => (query === 0 ? 0 : row[query - 1]),
  'the token itself': (row: number[], query: number) => row[query],
}
console.log('\n2. Mean share of a job, in percent: a row for each layer, a column for each head')
for (const [job, share] of Object.entries(jobs)) {
  const means = Array.from({ length: LAYERS }, (_, layer) =>
    Array.from({ length: HEADS }, (_, head) => {
      const rows = probs(layer, head)
      return rows.reduce((sum, row, query) => sum + share(row, query), 0) / rows.length
    }),
  )
  console.log(`  ${job}`)
  heatMap(new Array<string>(LAYERS).fill(''), means)
}

// --- How the heads come together
// The textbook writes: concatenate the contexts and multiply with W_O, [dModel, heads * headDim]. That is the same as
// giving each head its own 32 columns of W_O and adding up, which shows that the heads work side by side: none sees
// what another found before the next layer.
const file = await SafetensorsFile.open(await readFile('weights/reader/model.safetensors'))
const outputWeight = matrix((await file.tensor('encoder.block.0.layer.0.SelfAttention.o.weight')).to('float32')) // [256, 256]
const contexts = trace.get('encoder.0.self_attention.context')![0].select(0, 0) // [head, token, 32]
const contributions = Array.from({ length: HEADS }, (_, head) => {
  const context = contexts.select(0, head).select(0, query).toArray() // [32]
  return outputWeight.map((row) => dot(row.slice(32 * head, 32 * (head + 1)), context)) // [256]
})
const sum = contributions[0].map((_, i) => contributions.reduce((total, part) => total + part[i], 0))
console.log(`\n3. What each head of layer 0 adds to ${query}:${QUERY}, as the length of the vector`)
console.log(`  ${contributions.map((part) => fixed(Math.sqrt(dot(part, part)), 1)).join('  ')}`)
same('attention output', sum, trace.get('encoder.0.self_attention.out')![0].select(0, 0).select(0, query).toArray())

// --- The question
// A head that looks at the right word is not yet a head that matters. To find out, take it away: ablateHead makes a hook
// that puts zeros in the place of its context, and the rest of the model runs as ever. How probable is the right answer
// then? (One at a time: where two heads do the same, each can go and not both. A head that can go is not yet a head
// without a use.)
console.log(`\n4. p("${ANSWER}")`)
const answer = tokenizer.encode(ANSWER).ids
const whole = await answerProbabilities({})
console.log(`  with all heads ${fixed(product(whole))}`)
if (EXPERIMENT) {
  const without: number[][][] = [] // [layer][head][token]
  for (let layer = 0; layer < LAYERS; layer++) {
    without.push([])
    for (let head = 0; head < HEADS; head++) {
      without[layer].push(await answerProbabilities(ablateHead(`encoder.${layer}.self_attention`, head)))
    }
  }
  console.log('  without one head, in percent: a row for each layer, a column for each head')
  heatMap(
    new Array<string>(LAYERS).fill(''),
    without.map((heads) => heads.map(product)),
  )
  const flat = without.flat()
  const [worst] = largest(
    flat.map((tokens) => -product(tokens)),
    1,
  )
  const [layer, head] = [Math.floor(worst / HEADS), worst % HEADS]
  console.log(`\n  token by token, with all and without head ${head} of layer ${layer}, which matters most`)
  table(
    ['', ...answer.map((id) => tokenizer.idToToken(id)!)],
    [
      ['with', ...whole.map((p) => fixed(p))],
      ['without', ...flat[worst].map((p) => fixed(p))],
    ],
  )
  const paris = tokens.indexOf('ĠPar')
  const [most] = largest(probs(layer, head)[paris], 1)
  console.log(
    `  in that head ${paris}:${tokens[paris]} looks most at ${most}:${tokens[most]} (${fixed(probs(layer, head)[paris][most])})`,
  )
  const hooks = ablateHead(`encoder.${layer}.self_attention`, head)
  const { sequences } = await model.generate({ inputIds: [ids] }, { hooks, maxNewTokens: 20 })
  console.log(`  without it the model writes: ${tokenizer.decode(sequences[0])}`)
  console.log(
    '\nAnswer: head 0 of layer 1. Nearly all others can go, one at a time, and that one costs the first word and not "Paris":\nit decides whether to answer at all.',
  )
} else {
  console.log(
    '\nQuestion: which of the 32 heads can the answer not do without?\nGuess (head 5 of layer 0, of lesson 2?), then run again with --experiment.',
  )
}
model.dispose()

/** Probability of each token of the answer, given those before. */
async function answerProbabilities(hooks: Hooks): Promise<number[]> {
  const { logits } = await model.forward({ inputIds: [ids], labels: [answer] }, { hooks }) // [1, token, vocabulary]
  return matrix(logits.select(0, 0)).map((row, token) => softmax(row)[answer[token]])
}

function product(factors: readonly number[]): number {
  return factors.reduce((product, factor) => product * factor, 1)
}
