/**
 * Lesson 2: self-attention. Each token asks all tokens a question and takes in a mixture of what they offer. A token
 * has three vectors for this, made from its state by three learned matrices: a query q (what am I looking for?), a key
 * k (what do I answer to?) and a value v (what do I hand over?). Attention is then three lines of arithmetic:
 *
 *   score_j   = q · k_j                          how well key j fits the query
 *   p_j       = e^score_j / Σ_i e^score_i        softmax: scores become shares that sum to 1
 *   context   = Σ_j p_j v_j                      the mixture
 *
 * Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762) divide the score by √headDim. T5, which our reader is, does
 * not.
 *
 *   npx tsx lessons/02-self-attention.ts
 */
import { AutoTokenizer, record, T5ForConditionalGeneration, Tensor, type Hooks } from 'glassformer'
import { dot, largest, matrix, weightedSum } from './plain.js'
import { bar, fixed, heatMap, same, table } from './print.js'

// The question at the end: with --experiment the products q · k are divided by √headDim, as in the paper.
const EXPERIMENT = process.argv.includes('--experiment')
const LAYER = 'encoder.0.self_attention'
const HEAD = 5 // of 8; lesson 3 looks at the others
const QUERY = 'Ġcapital' // the first one, which is in the passage

const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const model = await T5ForConditionalGeneration.fromPretrained('./weights/reader')
const { ids, tokens } = tokenizer.encode(
  'France is a country in Europe. Its capital is Paris. // What is the capital of France?',
)
const inputs = { inputIds: [ids] }

// A query that is divided by √headDim divides each of its products. A hook that returns a tensor replaces what it was
// shown.
const headDim = 32
const scaled: Hooks = {
  'encoder.*.q': (q) =>
    Tensor.float32(
      q.toArray().map((value) => value / Math.sqrt(headDim)),
      q.shape,
    ),
}
const changes = EXPERIMENT ? scaled : {}

// Everything below is read from one forward pass. q, k and v are [batch, heads, token, headDim].
const { trace } = await record(
  (hooks) => model.encode(inputs, { hooks: { ...changes, ...hooks } }),
  ['q', 'k', 'v', 'scores', 'probs', 'context'].map((point) => `${LAYER}.${point}`).concat('encoder.position_bias'),
)
const head = (point: string) => matrix(trace.get(point)![0].select(0, 0).select(0, HEAD))
const [q, k, v] = ['q', 'k', 'v'].map((point) => head(`${LAYER}.${point}`)) // [token, headDim] each
const bias = head('encoder.position_bias') // [query, key]: T5 adds a number for the distance between the two, see lesson 4
const query = tokens.indexOf(QUERY)

// --- One row, by hand
// In the paper's formula the score is q · k / √32. T5 starts its training from smaller query weights instead, which does
// the same at the beginning, and learns from there.
const products = k.map((key) => dot(q[query], key)) // [key]
const scores = products.map((product, key) => product + bias[query][key]) // [key]
const exps = scores.map((score) => Math.exp(score))
const sum = exps.reduce((a, b) => a + b, 0)
const probs = exps.map((exp) => exp / sum) // [key], sums to 1
const context = weightedSum(probs, v) // [headDim]

console.log(`1. Where ${query}:${QUERY} looks, in head ${HEAD} of ${LAYER}`)
table(
  ['key', '', 'q · k', '+ distance', '= score', 'share', ''],
  tokens.map((token, key) => [
    String(key),
    token,
    fixed(products[key]),
    fixed(bias[query][key]),
    fixed(scores[key]),
    fixed(probs[key]),
    bar(probs[key]),
  ]),
)
console.log(`  the shares sum to ${fixed(probs.reduce((a, b) => a + b, 0))}`)

// --- The same numbers, from the engine
// Unless someone looks, the engine computes all of this in one fused kernel and never stores a score.
console.log('\n2. Made by hand, and by the engine')
same('scores', scores, head(`${LAYER}.scores`)[query])
same('probs', probs, head(`${LAYER}.probs`)[query])
same('context', context, head(`${LAYER}.context`)[query])

// --- All rows
// No row waits for another. An LSTM reads word by word, and what token 0 has to tell token 22 goes through 22 states;
// here any two tokens are one step apart, in both directions. The price is a table of all pairs: 23 x 23 here.
console.log('\n3. Every query (row) and key (column) of this head, in percent')
heatMap(tokens, head(`${LAYER}.probs`))

// --- What the picture does not say
// Most of the score that "capital" gives "Paris" comes from the distance alone: this head likes what stands two places
// ahead, and the product q · k makes it surer. And "France", of which one would think that it looks at "Paris" as well?
// Over all layers and heads:
const all = await record((hooks) => model.encode(inputs, { hooks: { ...changes, ...hooks } }), ['encoder.*.probs'])
const paris = tokens.indexOf('ĠPar') // the first piece of the name
console.log('\n4. The largest share of any layer and head')
table(
  ['query', 'key', 'share', 'layer', 'head'],
  [
    [query, paris],
    [tokens.indexOf('Fran'), paris], // at the beginning of a text: "Fran" "ce"
    [tokens.indexOf('ĠFrance'), paris],
    [paris, tokens.indexOf('ĠFrance')],
    [tokens.lastIndexOf('Ġcapital'), paris], // the question's "capital", and the answer
  ].map(([from, to]) => {
    const shares = [...all.trace.values()].flatMap(([probs]) => probs.select(2, from).select(2, to).toArray()) // [layer * 8 heads]
    const [most] = largest(shares, 1)
    const name = (at: number) => `${at}:${tokens[at]}`
    return [name(from), name(to), fixed(shares[most]), String(Math.floor(most / 8)), String(most % 8)]
  }),
)

// The first piece of "France" does, in one head; the "France" of the question hardly. Each table of weights shows where
// a head looks, and not whether the answer depends on it: lesson 3 takes heads away to find out.

// --- The question
const { sequences } = await model.generate(inputs, { maxNewTokens: 20, hooks: changes })
console.log(`\n5. What is the capital of France? ${tokenizer.decode(sequences[0])}`)
console.log(
  EXPERIMENT
    ? '\nAnswer: the products shrink and the distances do not. What is left is mostly a pattern of places, and the reader,\nwhich learned without √32, says that it does not know.'
    : '\nQuestion: what if the products are divided by √32, as in the paper?\nGuess what happens to the shares of table 1, then run again with --experiment.',
)
model.dispose()
