/**
 * Lesson 8: retrieval-augmented generation. Everything comes together. A passage z is found with a prior p(z|x) (lesson
 * 7); the reader gives each text y a probability under that passage, p(y|x,z) (lesson 6); and the answer's probability
 * is the sum over the passages:
 *
 *   p(y|x) = Σ_z p(z|x) p(y|x,z)                       RAG-Sequence: one passage stands behind the whole answer
 *   p(y|x) = Π_t Σ_z p(z|x) p(y_t|x,z,y_1…y_t-1)       RAG-Token: each token may come from another passage
 *
 * Read backwards, by the rule of Bayes, the same numbers say which passage stands behind an answer:
 *
 *   p(z|x,y) = p(z|x) p(y|x,z) / p(y|x)
 *
 * Lewis et al. 2020, https://arxiv.org/abs/2005.11401.
 *
 * At the end the pipeline reads a document, 08-notes.md or one of yours.
 *
 *   npx tsx lessons/08-rag.ts
 *   npx tsx lessons/08-rag.ts notes.txt "When does the train leave?"
 */
import { readFile } from 'node:fs/promises'
import { QuotingReader, Rag, readerInput } from 'glassformer'
import { dot, matrix, softmax } from './plain.js'
import { bar, fixed, same, table } from './print.js'

// The question at the end: with --experiment somebody adds a passage with a lie in it.
const EXPERIMENT = process.argv.includes('--experiment')
const QUESTION = 'What is the capital of France?'
const PASSAGES = [
  'France is a country in Europe. Its capital is Paris.',
  'Spain is a country in Europe. Its capital is Madrid.',
  'The currency of France is the Euro.',
  ...(EXPERIMENT ? ['What is the capital of France? It is Lyon.'] : []),
]

const rag = await Rag.fromPretrained()
const { model, tokenizer } = rag.reader

// --- The prior
const dimension = rag.encoder.dimension
const vectors = await rag.encoder.embed([QUESTION, ...PASSAGES]) // [1 + passages, dimension], row-major
const vector = (i: number) => vectors.subarray(i * dimension, (i + 1) * dimension)
const prior = softmax(PASSAGES.map((_, z) => 20 * dot(vector(0), vector(z + 1)))) // p(z|x)

// --- Each passage's own answer
// The reader reads the question with each passage by itself. It always has something to say: from a passage about
// Spain, Madrid.
const inputs = PASSAGES.map((text) => [tokenizer.encode(readerInput({ title: '', text }, QUESTION)).ids])
const own: string[] = []
for (const inputIds of inputs) {
  const { sequences } = await model.generate({ inputIds }, { maxNewTokens: 40 })
  own.push(tokenizer.decode(sequences[0]))
}
console.log(`1. ${QUESTION}`)
table(
  ['z', 'p(z|x)', '', 'passage', 'its own answer'],
  PASSAGES.map((text, z) => [String(z), fixed(prior[z], 3), bar(prior[z]), text, own[z]]),
)

// --- Every answer under every passage
// A text's probability under a passage is the product of its tokens', the end included. The texts are the passages' own
// answers, and to abstain.
const candidates = [...new Set([...own, "I don't know."])]
/** p(y_t|x,z,y_1…y_t-1) of each token: [passage][token] */
async function tokenProbabilities(text: string): Promise<number[][]> {
  const { ids } = tokenizer.encode(text)
  const probabilities: number[][] = []
  for (const inputIds of inputs) {
    const { logits } = await model.forward({ inputIds, labels: [ids] }) // [1, token, vocabulary]
    probabilities.push(matrix(logits.select(0, 0)).map((row, t) => softmax(row)[ids[t]]))
  }
  return probabilities
}
const product = (factors: readonly number[]) => factors.reduce((product, factor) => product * factor, 1)
const likelihoods: number[][] = [] // p(y|x,z): [candidate][passage]
for (const text of candidates) likelihoods.push((await tokenProbabilities(text)).map(product))
const marginals = likelihoods.map((row) => dot(prior, row)) // p(y|x)

console.log('\n2. p(y|x,z), and their mean weighted by p(z|x)')
table(
  [...PASSAGES.map((_, z) => `z = ${z}`), 'p(y|x)', '', 'y'],
  candidates.map((text, y) => [
    ...likelihoods[y].map((p) => fixed(p, 3)),
    fixed(marginals[y], 3),
    bar(marginals[y]),
    text,
  ]),
)

// --- The answer, and what stands behind it
// The most probable text wins. What it owes to each passage is that passage's part of the sum. Note the difference: the
// prior says what looked like the question before reading, the posterior what told the answer.
const best = marginals.indexOf(Math.max(...marginals))
const posterior = prior.map((p, z) => (p * likelihoods[best][z]) / marginals[best]) // p(z|x,y)
console.log(`\n3. ${candidates[best]}`)
table(
  ['z', 'prior', 'posterior', ''],
  PASSAGES.map((_, z) => [String(z), fixed(prior[z], 3), fixed(posterior[z], 3), bar(posterior[z])]),
)
const passages = PASSAGES.map((text, z) => ({ id: String(z), text }))
const sequence = await rag.ask(QUESTION, { passages, mode: 'rag-sequence' })
const byId = [...sequence.passages].sort((a, b) => Number(a.id) - Number(b.id)) // they come best first
same(
  'prior',
  prior,
  byId.map(({ prior }) => prior),
)
same(
  'posterior',
  posterior,
  byId.map(({ posterior }) => posterior),
)
same('probability of the answer', [marginals[best]], [Math.exp(sequence.logProb)])

// --- Token by token
// RAG-Token mixes at every token, always with the prior. RAG-Sequence believes more in a passage after each token that
// it foresaw. So the two differ where passages disagree: a passage that was wrong about one token is heard again at the
// next.
const probabilities = await tokenProbabilities(candidates[best]) // [passage][token]
const mixed = probabilities[0].map((_, t) =>
  dot(
    prior,
    probabilities.map((row) => row[t]),
  ),
)
const token = await rag.ask(QUESTION, { passages, mode: 'rag-token' })
console.log("\n4. The answer under RAG-Token: each passage's probability of the next token, and the mixture")
table(
  ['', ...PASSAGES.map((_, z) => `z = ${z}`), 'mixture'],
  tokenizer
    .encode(candidates[best])
    .tokens.map((name, t) => [name, ...probabilities.map((row) => fixed(row[t])), fixed(mixed[t])]),
)
console.log(`  RAG-Token answers: ${token.text}`)
same(
  'probabilities of the tokens',
  mixed,
  token.tokens.map(({ logProb }) => Math.exp(logProb)),
)

// --- Abstaining
// A passage that does not hold the answer should lead to "I don't know.", and its mass would drown the answer's. The
// pipeline's default mode, "conditioned", weighs a passage by how surely it answers at all. This small reader abstains
// far too seldom: look at Spain's column above.
const conditioned = await rag.ask(QUESTION, { passages })
console.log(
  `\n5. The pipeline's default: ${conditioned.text} p(some passage answers) = ${fixed(conditioned.pAnswerable)}`,
)

// --- A document of your own
// The reader above learnt to word short facts. For other texts a second one stands beside it, that writes nothing: it gives
// each token of a passage a logit for "the answer begins here" and one for "it ends here", and what lies between the best
// two is quoted. [CLS], the first token, stands for "no answer here", so all logits are taken less its own. One softmax
// over all spans of at most 48 tokens of all passages and "no answer" lets the passages compete.
const [document = 'lessons/08-notes.md', asked = 'Why is the tap locked?'] = process.argv
  .slice(2)
  .filter((argument) => argument !== '--experiment')
const paragraphs = (await readFile(document, 'utf8')).split(/\n\s*\n/).filter((text) => text.trim() !== '')
const quoted = await rag.ask(asked, {
  passages: paragraphs.map((text, z) => ({ id: String(z), text })),
  minProbability: 0,
})
/** A longer paragraph is read in windows that overlap, which is not done by hand here. */
const isReadWhole = ({ ids }: { readonly ids: readonly number[] }) => ids.length <= 384
console.log(`\n6. ${asked} (${document})`)
if (rag.reader instanceof QuotingReader && quoted.quotes) {
  const { model, tokenizer } = rag.reader.quoting
  const read = quoted.passages.map(({ text }) => tokenizer.encode(asked, { pair: text }))
  let spans = 1 // e^0, "no answer"
  for (const { ids, typeIds } of read.filter(isReadWhole)) {
    const output = await model.forward({ inputIds: [ids], tokenTypeIds: [typeIds] })
    const [starts, ends] = [output.startLogits, output.endLogits].map((logits) => [...logits.toArray()])
    const first = typeIds.indexOf(1) // of the passage; the last token is [SEP]
    for (let i = first; i < ids.length - 1; i++)
      for (let j = i; j < Math.min(i + 48, ids.length - 1); j++)
        spans += Math.exp(starts[i] - starts[0] + ends[j] - ends[0])
  }
  table(
    ['start', 'end', 'p(span)', '', 'span', 'in'],
    quoted.quotes.spans
      .slice(0, 3)
      .map(({ startScore, endScore, probability, text, quote }) => [
        fixed(startScore),
        fixed(endScore),
        fixed(probability, 3),
        bar(probability),
        text,
        quote.text.replace(/\s+/g, ' '),
      ]),
  )
  if (read.every(isReadWhole)) same('p(no answer)', [1 / spans], [quoted.quotes.pNoAnswer])
}
console.log(`  ${quoted.text} (${quoted.kind}, right with probability ${fixed(quoted.probability)})`)

console.log(
  EXPERIMENT
    ? '\nAnswer: the lie, narrowly, in all three modes. It repeats the question, so its vector is nearer than that of the truth,\nand the reader copies. The posterior says from where.'
    : '\nQuestion: somebody adds the passage "What is the capital of France? It is Lyon." Which one wins?\nGuess, then run again with --experiment.',
)
rag.dispose()
