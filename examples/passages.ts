/**
 * Your own passages, given with the question or indexed once for many questions. The countries are made up: the answers are read and
 * not remembered.
 */
import { Rag, Retriever } from 'glassformer'

const passages = [
  {
    id: 'arlen',
    title: 'Arlen',
    text: 'Arlen is a country in Europe. Its capital is Brask. It borders Toma and Veld.',
  },
  { id: 'veld', title: 'Veld', text: 'Veld is a country in Europe. Its capital is Sundhavn. It borders Arlen.' },
]
const rag = await Rag.fromPretrained()

const given = await rag.ask('What is the capital of Arlen?', { passages })
console.log(given.text)

rag.use(await Retriever.build(rag.encoder, passages))
for (const question of ['What is the capital of Veld?', 'Who wrote Hamlet?']) {
  const { text, pAnswerable } = await rag.ask(question)
  console.log(`${text} (answerable: ${pAnswerable.toFixed(2)})`)
}
rag.dispose()
