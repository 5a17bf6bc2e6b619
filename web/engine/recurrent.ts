/**
 * The comparison: an LSTM that reads the reader's own embeddings word by word, beside the reader's encoder. What is compared is the route
 * of the information. In the LSTM a word reaches the last state through every state between; in the encoder it is one step away.
 * Both are measured in the same way: a word is taken out, and one sees how far the last state moves.
 */
import {
  InputError,
  record,
  SafetensorsFile,
  Tensor,
  writeSafetensors,
  type Backend,
  type Float,
  type Reader,
} from 'glassformer'
import { randomStream } from '../../src/generation/sampling.js'
import { LSTM, Pass, Weights } from '../../src/layers/index.js'
import { rowMajor } from '../../src/tensor/ops/float.js'
import type { ModelInfo, RecurrentReading } from '../protocol.js'
import type { Models } from './models.js'

const HIDDEN_SIZE = 64
const SEED = 7
const WEIGHTS = `The LSTM is not trained: its weights are drawn at random (seed ${SEED}) from the range that PyTorch begins with, and its forget gates begin open. So this shows the way that information goes, and how it fades on it; a trained LSTM would keep what it needs for longer.`

/** Texts with a word taken out that the encoder reads at a time. */
const BATCH = 16
/** The encoder reads the text once for each of its words. */
const MAX_WORDS = 128

/** @throws InputError for an empty text or one of too many words, AbortedError */
export async function readRecurrently(
  { reader, backend, info }: Pick<Models, 'reader' | 'backend'> & { readonly info: Pick<ModelInfo, 'reader'> },
  text: string,
  signal: AbortSignal,
): Promise<RecurrentReading> {
  const words = text.match(/\S+/gu) ?? []
  if (words.length === 0) throw new InputError('empty-text', 'there is no word to read')
  if (words.length > MAX_WORDS) {
    throw new InputError(
      'too-long',
      `the text has ${words.length} words, at most ${MAX_WORDS} are compared; shorten it`,
    )
  }
  const { tokenizer, model } = reader
  const ids = words.map((word, i) => tokenizer.encode(i === 0 ? word : ` ${word}`, { addSpecialTokens: false }).ids)
  const marks = tokenizer.encode('').ids // a T5 ends with one, a BART begins with one too
  const marked = (of: readonly (readonly number[])[]) => [...marks.slice(0, -1), ...of.flat(), ...marks.slice(-1)]

  const encode = async (rows: readonly number[][]): Promise<Float32Array[]> => {
    const width = Math.max(...rows.map(({ length }) => length))
    const padded = (value: number, row: readonly number[]) => [
      ...row,
      ...new Array<number>(width - row.length).fill(value),
    ]
    const inputs = {
      inputIds: rows.map((row) => padded(tokenizer.padTokenId, row)),
      attentionMask: rows.map((row) =>
        padded(
          0,
          row.map(() => 1),
        ),
      ),
    }
    const { lastHiddenState } = await model.encode(inputs, { signal }) // [rows, width, dModel]
    return rows.map(({ length }, i) =>
      rowMajor(
        lastHiddenState
          .select(0, i)
          .select(0, length - 1)
          .copy(),
      ),
    )
  }
  const shorter = words.map((_, word) => marked(ids.filter((_, i) => i !== word)))
  const [whole] = await encode([marked(ids)])
  const encoderInfluence: number[] = []
  for (let start = 0; start < words.length; start += BATCH) {
    const states = await encode(shorter.slice(start, start + BATCH))
    encoderInfluence.push(...states.map((state) => movement(whole, state)))
  }

  const embeddings = await wordEmbeddings(reader, ids, marked(ids), { before: marks.length - 1, signal })
  const { states, influence } = await runLstm(backend, embeddings, signal)
  return {
    words,
    hiddenSize: HIDDEN_SIZE,
    states,
    influence,
    encoderInfluence: Float32Array.from(encoderInfluence),
    sequentialSteps: {
      lstm: words.length,
      encoder: info.reader.attentions.filter(({ stack }) => stack === 'encoder').length,
    },
    weights: WEIGHTS,
  }
}

/** The mean of the embeddings of each word's tokens, [words][dModel]. */
async function wordEmbeddings(
  { model }: Reader,
  ids: readonly (readonly number[])[],
  row: readonly number[],
  { before, signal }: { readonly before: number; readonly signal: AbortSignal },
): Promise<Float32Array[]> {
  const names = model.hookPoints().map(({ name }) => name)
  const point = ['encoder.embeddings.word', 'encoder.embeddings.out'].find((name) => names.includes(name))! // without positions where there are some
  const { trace } = await record((hooks) => model.encode({ inputIds: [row] }, { hooks, signal }), [point])
  const [embedded] = trace.get(point)! // [1, seq, dModel]
  let at = before
  return ids.map(({ length }) => {
    const tokens = rowMajor(
      embedded
        .select(0, 0)
        .slice(0, at, at + length)
        .copy(),
    ) // [length, dModel]
    at += length
    const dModel = embedded.shape[2]
    return Float32Array.from({ length: dModel }, (_, i) => {
      let sum = 0
      for (let token = 0; token < length; token++) sum += tokens[token * dModel + i]
      return sum / length
    })
  })
}

/** States after each word [words, hiddenSize], and how far the last one moves without each word [words]. */
async function runLstm(
  backend: Backend,
  embeddings: readonly Float32Array[],
  signal: AbortSignal,
): Promise<{ states: Float32Array; influence: Float32Array }> {
  const weights = new Weights(await lstmWeights(embeddings[0].length), { backend })
  const lstm = new LSTM(weights.scope(''), { inputSize: embeddings[0].length, hiddenSize: HIDDEN_SIZE, numLayers: 1 })
  try {
    await weights.load({ signal })
    const read = (rows: readonly (readonly Float32Array[])[]): Promise<Float> => {
      const x = Tensor.float32(
        rows.flatMap((row) => row.flatMap((word) => [...word])),
        [rows.length, rows[0].length, embeddings[0].length],
      )
      return Pass.run(backend, { signal }, async (pass, keep) => keep((await lstm.forward(x, pass)).output))
    }
    const states = rowMajor((await read([embeddings])).copy()) // [words, hiddenSize]
    const last = states.slice(-HIDDEN_SIZE)
    if (embeddings.length === 1) return { states, influence: Float32Array.of(1) } // without its word it stays at zero
    const without = await read(embeddings.map((_, word) => embeddings.filter((_, i) => i !== word))) // [words, words - 1, hiddenSize]
    const influence = embeddings.map((_, word) =>
      movement(last, rowMajor(without.select(0, word).select(0, -1).copy())),
    )
    return { states, influence: Float32Array.from(influence) }
  } finally {
    weights.dispose()
  }
}

/** PyTorch's initial weights, uniform up to 1/√hiddenSize, from a seed; 1 is added to the bias of the forget gates. */
function lstmWeights(inputSize: number): Promise<SafetensorsFile> {
  const random = randomStream(SEED, 0)
  const bound = HIDDEN_SIZE ** -0.5
  const gates = 4 * HIDDEN_SIZE // input, forget, candidate, output
  const drawn = (shape: readonly number[], shift: (i: number) => number = () => 0) => {
    const size = shape.reduce((product, length) => product * length, 1)
    return Tensor.float32(
      Float32Array.from({ length: size }, (_, i) => (2 * random() - 1) * bound + shift(i)),
      shape,
    )
  }
  const isForget = (i: number) => (i >= HIDDEN_SIZE && i < 2 * HIDDEN_SIZE ? 1 : 0)
  return SafetensorsFile.open(
    writeSafetensors([
      ['weight_ih_l0', drawn([gates, inputSize])],
      ['weight_hh_l0', drawn([gates, HIDDEN_SIZE])],
      ['bias_ih_l0', drawn([gates], isForget)],
      ['bias_hh_l0', drawn([gates])],
    ]),
  )
}

/** ‖after - before‖ / ‖before‖ */
function movement(before: Float32Array, after: Float32Array): number {
  const length = (of: Float32Array) => Math.hypot(...of)
  return length(before.map((value, i) => after[i] - value)) / length(before)
}
