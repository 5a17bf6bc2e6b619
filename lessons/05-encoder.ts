/**
 * Lesson 5: the encoder. A layer is attention and then a feed-forward network, a small function that each token goes
 * through by itself. What makes a tower of them work is how they are joined: each block reads the token's state and
 * adds something to it. The state runs through from the embedding to the end, a stream with tributaries, and is never
 * replaced. In our reader a block reads a normed copy of the stream (pre-norm); in BERT and the first transformer the
 * sum itself is normed after each block (post-norm).
 *
 *   npx tsx lessons/05-encoder.ts
 */
import { readFile } from 'node:fs/promises'
import {
  AutoTokenizer,
  record,
  replaceWith,
  SafetensorsFile,
  T5ForConditionalGeneration,
  Tensor,
  type Float,
  type Hooks,
} from 'glassformer'
import { cosine, dot, matrix, softmax } from './plain.js'
import { fixed, same, table } from './print.js'

// The question at the end: with --experiment layers and their halves are left out, one at a time.
const EXPERIMENT = process.argv.includes('--experiment')
const LAYERS = 4
const PASSAGE = 'France is a country in Europe. Its capital is Paris.'
const QUESTION = 'What is the capital of France?'
const OTHER_QUESTION = 'What is the continent of France?'
const ANSWER = 'The capital of France is Paris.'

const tokenizer = await AutoTokenizer.fromPretrained('./weights/reader')
const model = await T5ForConditionalGeneration.fromPretrained('./weights/reader')
const { ids, tokens } = tokenizer.encode(`${PASSAGE} // ${QUESTION}`)

/** The states that a pass over these ids shows, by hook point. */
const observe = async (ids: readonly number[]) => {
  const points = ['encoder.*.out', 'encoder.*.resid_pre', 'encoder.*.resid_post', 'encoder.final_norm']
  const { trace } = await record((hooks) => model.encode({ inputIds: [ids] }, { hooks }), points)
  return (point: string) => matrix(trace.get(point)![0].select(0, 0)) // [token, 256]
}
const at = await observe(ids)

// --- The stream is a sum
const paris = tokens.indexOf('ĠPar')
const parts: [string, number[]][] = [['embedding', at('encoder.embeddings.out')[paris]]]
for (let layer = 0; layer < LAYERS; layer++) {
  parts.push([`${layer} attention`, at(`encoder.${layer}.self_attention.out`)[paris]])
  parts.push([`${layer} feed-forward`, at(`encoder.${layer}.feed_forward.out`)[paris]])
}
console.log(`1. What each block adds to the state of ${paris}:ĠPar, and what it has become by then`)
const stream = new Array<number>(256).fill(0)
const steps = parts.map(([name, added]) => {
  for (const [i, value] of added.entries()) stream[i] += value
  const length = Math.sqrt(dot(added, added))
  return [name, fixed(length, 1), fixed(Math.sqrt(dot(stream, stream)), 1), fixed(cosine(stream, parts[0][1]))]
})
table(['block', 'length', 'sum so far', 'cosine with the embedding'], steps)
same('state after the last layer', stream, at('encoder.3.resid_post')[paris])
// Attention adds far more here than feed-forward does. In models that know facts, the feed-forward networks are thought
// to hold them (Geva et al. 2021, https://arxiv.org/abs/2012.14913); this one was trained to copy from a passage.

// --- The norm
// Lengths differ and grow. RMSNorm brings a state to a mean square of 1 and scales each number by a learned weight. It
// stands before each block, and once more at the end: this is what the decoder will read. It is LayerNorm without the
// mean.
const file = await SafetensorsFile.open(await readFile('weights/reader/model.safetensors'))
const normWeight = (await file.tensor('encoder.final_layer_norm.weight')).toArray() // [256]
const rootMeanSquare = Math.sqrt(dot(stream, stream) / stream.length + 1e-6)
console.log(`\n2. Divided by its root mean square, ${fixed(rootMeanSquare)}, and scaled by the norm's weights`)
same(
  'output of the encoder',
  stream.map((value, i) => (value / rootMeanSquare) * normWeight[i]),
  at('encoder.final_norm')[paris],
)

// --- Context flows in
// Ask something else of the same passage: one token of the question changes, 18:Ġcapital. An encoder looks both ways,
// so tokens of the passage, which stand before it, can notice. Below is how far each one's state moves, in percent of
// its length.
const other = await observe(tokenizer.encode(`${PASSAGE} // ${OTHER_QUESTION}`).ids)
console.log('\n3. How far the states of the passage move when the question has "continent" for "capital", in percent')
const points = ['encoder.0.resid_pre', ...Array.from({ length: LAYERS }, (_, layer) => `encoder.${layer}.resid_post`)]
table(
  ['', 'embedding', ...points.slice(1).map((_, layer) => `layer ${layer}`)],
  tokens
    .slice(0, tokens.indexOf('Ġ//'))
    .map((token, i) => [
      `${i}:${token}`,
      ...points.map((point) => fixed(100 * moved(at(point)[i], other(point)[i]), 0)),
    ]),
)

// --- The question
// If every block only adds, any of them can be left out, and what comes after still gets a state to read. Which ones
// does the answer need?
console.log(`\n4. p("${ANSWER}")`)
const answer = tokenizer.encode(ANSWER).ids
if (EXPERIMENT) {
  const rows = []
  const zero = Tensor.float32([0]) // for a block that adds nothing
  for (let layer = 0; layer < LAYERS; layer++) {
    rows.push([`layer ${layer}`, ...(await probabilityAndText(skip(layer)))])
    rows.push([
      `  its attention`,
      ...(await probabilityAndText(replaceWith(`encoder.${layer}.self_attention.out`, zero))),
    ])
    rows.push([
      `  its feed-forward`,
      ...(await probabilityAndText(replaceWith(`encoder.${layer}.feed_forward.out`, zero))),
    ])
  }
  table(['without', 'p', 'it writes'], [['(nothing)', ...(await probabilityAndText({}))], ...rows])
  console.log(
    '\nAnswer: layer 0, and of it the attention, where tokens first hear of one another: without it the reader would rather\nabstain. Each later layer can be left out by itself.',
  )
} else {
  console.log(`  ${(await probabilityAndText({})).join('  ')}`)
  console.log(
    '\nQuestion: leave out one layer. Which of the four does the answer need? Guess, then run again with --experiment.',
  )
}
model.dispose()

/** |a - b| / |a| */
function moved(a: readonly number[], b: readonly number[]): number {
  const difference = a.map((value, i) => value - b[i])
  return Math.sqrt(dot(difference, difference) / dot(a, a))
}

/** Hooks that let the stream pass by a layer: what came in goes out. */
function skip(layer: number): Hooks {
  let before: Float
  return {
    [`encoder.${layer}.resid_pre`]: (stream) => void (before = stream.copy()),
    [`encoder.${layer}.resid_post`]: () => before,
  }
}

async function probabilityAndText(hooks: Hooks): Promise<[string, string]> {
  const { logits } = await model.forward({ inputIds: [ids], labels: [answer] }, { hooks }) // [1, token, vocabulary]
  const probabilities = matrix(logits.select(0, 0)).map((row, token) => softmax(row)[answer[token]])
  const { sequences } = await model.generate({ inputIds: [ids] }, { hooks, maxNewTokens: 20 })
  return [fixed(probabilities.reduce((product, p) => product * p, 1)), tokenizer.decode(sequences[0])]
}
