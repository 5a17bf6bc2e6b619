/**
 * The default pipeline: which passages an answer comes from, and how sure each token is.
 */
import { Rag } from 'glassformer'

const rag = await Rag.fromPretrained()
const answer = await rag.ask('What is the currency of Iceland?', { topK: 3 })

console.log(answer.text)
for (const { title, prior, pAbstain, posterior } of answer.passages) {
  const [before, silent, after] = [prior, pAbstain, posterior].map((p) => p.toFixed(3))
  console.log(`  ${title}: retrieved ${before}, does not tell ${silent}, stands behind the answer ${after}`)
}
for (const { text, logProb } of answer.tokens) {
  console.log(`  ${JSON.stringify(text).padEnd(12)} ${Math.exp(logProb).toFixed(3)}`)
}
rag.dispose()
