/**
 * Hooks: read what passes through the model, and replace it. Here the reader's decoder first shows where it looks in the text, and
 * then has to write without looking.
 */
import { Rag, readerInput, record, Tensor } from 'glassformer'

const rag = await Rag.fromPretrained()
const { model, tokenizer } = rag.reader
const passage = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const { ids, tokens } = tokenizer.encode(readerInput(passage, 'What is the capital of France?'))
const inputs = { inputIds: [ids] }

const { output, trace } = await record(
  (hooks) => model.generate(inputs, { hooks, maxNewTokens: 40 }),
  ['decoder.1.cross_attention.probs'],
)
const [, ...written] = output.sequences[0]
trace.get('decoder.1.cross_attention.probs')!.forEach((probs, step) => {
  const head0 = [...probs.select(1, 0).toArray()] // [batch, heads, 1, key] -> [key], of the first head
  const most = head0.indexOf(Math.max(...head0))
  console.log(`${tokenizer.idToToken(written[step])?.padEnd(9)} looks at ${tokens[most]}`)
})

const blind = await model.generate(inputs, {
  maxNewTokens: 12,
  hooks: { 'decoder.*.cross_attention.out': ({ shape, size }) => Tensor.float32(new Float32Array(size), shape) },
})
console.log(`seeing: ${tokenizer.decode(output.sequences[0])}`)
console.log(`blind:  ${tokenizer.decode(blind.sequences[0])}`)
rag.dispose()
