/**
 * Lesson 7: retrieval. The reader answers from a passage, but which passage? An encoder turns every passage into one
 * vector, once. A question becomes a vector in the same way, and the passages whose vectors have the largest dot
 * products with it are those to read. This works because the encoder was trained to bring questions near to their
 * answers, on a billion pairs of texts, and as far as that goes.
 *
 *   npx tsx lessons/07-retrieval.ts
 */
import { AutoTokenizer, BertModel, Rag, Retriever } from 'glassformer'
import { dot, largest, matrix, mean, softmax } from './plain.js'
import { bar, beginning, fixed, same, table } from './print.js'

// The question at the end: with --experiment the question shares no word with the passage that answers it.
const EXPERIMENT = process.argv.includes('--experiment')
const QUESTION = EXPERIMENT ? 'Name the seat of the French government.' : 'What is the capital of France?'
const PASSAGES = [
  'France is a country in Europe. Its capital is Paris.',
  'Spain is a country in Europe. Its capital is Madrid.',
  'The currency of France is the Euro.',
  'Paris is a city in France.',
  'Mercury is a chemical element.',
]

const rag = await Rag.fromPretrained()

// --- One vector for a text
// MiniLM gives a state for each token. Their mean, divided by its length, is the text's vector: a point on a sphere in
// 384 dimensions.
const tokenizer = await AutoTokenizer.fromPretrained('./weights/all-MiniLM-L6-v2')
const model = await BertModel.fromPretrained('./weights/all-MiniLM-L6-v2')
async function vectorOf(text: string): Promise<number[]> {
  const { lastHiddenState } = await model.forward({ inputIds: [tokenizer.encode(text).ids] }) // [1, token, 384]
  const states = matrix(lastHiddenState.select(0, 0))
  const pooled = mean(states)
  const length = Math.sqrt(dot(pooled, pooled))
  return pooled.map((value) => value / length)
}
const question = await vectorOf(QUESTION)
console.log(`1. ${QUESTION}`)
beginning(question, 3)
same('vector of the question', question, [...(await rag.encoder.embed([QUESTION]))])

// --- Search is a product with all of them
// On a sphere the dot product is the cosine of the angle. Softmax makes shares of the scores: how much to believe in
// each passage before reading it, the prior of lesson 8. Cosines lie close together, so the pipeline multiplies them by
// 20 first; without that, nothing would stand out.
const scores: number[] = []
for (const passage of PASSAGES) scores.push(dot(question, await vectorOf(passage)))
const prior = softmax(scores.map((score) => 20 * score))
const flat = softmax(scores)
console.log('\n2. Five passages')
table(
  ['score', 'softmax', 'softmax of 20 x', '', 'passage'],
  largest(scores, 5).map((i) => [fixed(scores[i]), fixed(flat[i]), fixed(prior[i]), bar(prior[i]), PASSAGES[i]]),
)
const passages = PASSAGES.map((text, i) => ({ id: String(i), title: '', text }))
const found = await (await Retriever.build(rag.encoder, passages)).retrieve(QUESTION, 5)
same(
  'scores',
  largest(scores, 5).map((i) => scores[i]),
  found.map(({ score }) => score),
)

// --- The whole corpus
// Its 3,324 vectors were made when the package was. A search multiplies all of them with the question's and keeps the
// best: exact, with no shortcut. Beside it is what counting common words would say, the oldest way to search.
const corpus = await rag.retriever()
const ranked = await corpus.retrieve(QUESTION, corpus.passages.length)
const common = new Map(corpus.passages.map(({ id, title, text }) => [id, commonWords(QUESTION, `${title} ${text}`)]))
console.log(
  `\n3. The best of ${corpus.passages.length.toLocaleString('en')} passages, and how many words each has in common with the question`,
)
table(
  ['score', 'words', 'passage'],
  ranked
    .slice(0, 5)
    .map(({ id, score, title, text }) => [
      fixed(score),
      String(common.get(id)),
      `${title}: ${text.length > 70 ? `${text.slice(0, 70)}…` : text}`,
    ]),
)
const answering = 'countries-152' // France: … Its capital is Paris. …
const rank = ranked.findIndex(({ id }) => id === answering) + 1
const ahead = [...common.values()].filter((count) => count > common.get(answering)!).length
console.log(
  `  the passage that answers is number ${rank} by vectors; by common words ${ahead.toLocaleString('en')} are ahead of it`,
)

// --- Where it fails
// A vector says what a text is about. What the corpus does not tell, something else that is near is found for; and a
// question that is turned round is nearly the same point (lesson 4). The retriever cannot say "not here": it gives its
// best five, whatever they are.
console.log('\n4. The nearest passage to questions of another kind')
for (const text of ['Paris is the capital of what?', 'Where is the Eiffel Tower?', 'Who am I?']) {
  const [{ score, title, text: passage }] = await corpus.retrieve(text, 1)
  console.log(`  ${fixed(score)}  ${text}  ->  ${title}: ${passage.slice(0, 60)}${passage.length > 60 ? '…' : ''}`)
}

console.log(
  EXPERIMENT
    ? '\nAnswer: yes, and first. Vectors compare what texts are about: "seat of government" is near "capital" without a common\nword. By common words it would not be found.'
    : '\nQuestion: ask without any word of the passage: "Name the seat of the French government." Is it found?\nGuess, then run again with --experiment.',
)
model.dispose()
rag.dispose()

/** Different words that occur in both texts, whatever their case. */
function commonWords(a: string, b: string): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/\p{L}+/gu))
  return [...words(a)].filter((word) => words(b).has(word)).length
}
