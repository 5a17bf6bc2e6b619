/**
 * What heads are good for: the answer without them. The tokens of the whole reader's answer are scored under the passage that stands most
 * behind it, with and without the heads, and the question is asked again without them.
 */
import { weighPassages, type HooksLike } from 'glassformer'
import { rowMajor } from '../../src/tensor/ops/float.js'
import { topK } from '../../src/tensor/ops/index.js'
import type { Ablation, HeadName } from '../protocol.js'
import type { Models } from './models.js'
import { tokenText } from './tokens.js'
import { ablations, checkHeads, type Walked } from './walk.js'

/** @throws InputError for a head that the reader does not have, AbortedError */
export async function ablate(
  { reader, info }: Models,
  { walk }: Walked,
  heads: readonly HeadName[],
  signal: AbortSignal,
): Promise<Ablation> {
  checkHeads(heads, info.reader)
  const { tokenizer } = reader
  const { question, mode } = walk.scene
  const passages = weighPassages(walk.answer.passages)
  const ask = async (hooks: HooksLike) => {
    const reading = await reader.read(question, passages, { hooks, signal })
    return { reading, answer: await reader.answerFrom(reading, question, passages, { mode, hooks, signal }) }
  }
  const hooks = ablations(heads)
  const whole = await ask([])
  const without = await ask(hooks)
  const ids = whole.answer.tokens.map(({ id }) => id)
  const posteriors = whole.answer.passages.map(({ posterior }) => posterior)
  const best = posteriors.indexOf(Math.max(...posteriors))
  const before = (await whole.reading.score(ids, { signal }))[best]
  const after = (await without.reading.logProbs(ids, { hooks, signal })).select(0, best) // [tokens, vocabulary]
  return {
    ablated: heads,
    tokens: whole.answer.tokens.map(({ id, text }, t) => {
      const row = rowMajor(after.select(0, t).copy()) // [vocabulary]
      const { indices, values } = topK(row, 1)
      const likeliest = { id: indices[0], text: tokenText(indices[0], tokenizer), probability: Math.exp(values[0]) }
      return { text, before: before[t], after: row[id], likeliest }
    }),
    text: without.answer.text,
  }
}
