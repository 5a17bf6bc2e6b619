import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import { BertForQuestionAnswering, DPRReader, type QuestionAnsweringInputs } from '../../src/models/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../support/goldens.js'

const backend = referenceBackend()
const inputIds = [
  [5, 6, 7, 8, 9],
  [9, 8, 7, 6, 5],
]
const load = () => BertForQuestionAnswering.fromPretrained(goldenPath('bert/question-answering'), { backend })

describe('the loss of an answer', () => {
  const lossOf = async (inputs: Omit<QuestionAnsweringInputs, 'inputIds'>) =>
    (await (await load()).forward({ inputIds, ...inputs })).loss

  test('is the mean of both cross entropies, each over the positions that lie in the text', async () => {
    const { startLogits, endLogits } = await (await load()).forward({ inputIds })
    const entropy = (row: readonly number[], at: number) =>
      Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[at]
    const [start, end] = [startLogits, endLogits].map((logits) => [0, 1].map((row) => logits.select(0, row).toArray()))
    const startLoss = (entropy(start[0], 0) + entropy(start[1], 3)) / 2 // -4 counts as 0
    const endLoss = entropy(end[0], 2) // 5 is one behind the last
    expect(await lossOf({ startPositions: [-4, 3], endPositions: [2, 5] })).toBeCloseTo((startLoss + endLoss) / 2, 5)
  })

  test('is undefined without positions, and NaN where none of a kind lies in the text, as in PyTorch', async () => {
    expect(await lossOf({})).toBeUndefined()
    expect(await lossOf({ startPositions: [0, 1], endPositions: [5, 1e12] })).toBeNaN()
  })

  test('takes lists and tensors of either width', async () => {
    const wanted = await lossOf({ startPositions: [1, 2], endPositions: [3, 4] })
    expect(wanted).toBeGreaterThan(0)
    const [startPositions, endPositions] = [[1, 2], [3, 4]].map((row) => Tensor.int32(row).to('int64')) // prettier-ignore
    expect(await lossOf({ startPositions, endPositions })).toBe(wanted)
  })

  test.each([
    ['one without the other', { startPositions: [1, 2] }, 'missing-input', 'needs startPositions and endPositions'],
    [
      'too few',
      { startPositions: [1], endPositions: [1, 2] },
      'shape-mismatch',
      'startPositions: got [1] for a batch of 2',
    ],
    ['a fraction', { startPositions: [1, 2], endPositions: [1, 2.5] }, 'bad-id', 'endPositions: 2.5 is not a whole'],
  ] as const)('%s is refused before anything runs', async (_, positions, code, message) => {
    const passed: string[] = []
    const hooks = { '*': (_: unknown, { name }: { name: string }) => void passed.push(name) }
    const run = (await load()).forward({ inputIds, ...positions }, { hooks })
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
    expect(passed).toEqual([])
  })
})

test('what a hook puts in place of the logits is what comes out', async () => {
  const model = await load()
  const logits = Tensor.float32([1, 10, 2, 20, 3, 30, 4, 40, 5, 50], [1, 5, 2])
  const { startLogits, endLogits } = await model.forward(
    { inputIds: [[5, 6, 7, 8, 9]] },
    { hooks: { logits: () => logits } },
  )
  expect([...startLogits.data]).toEqual([1, 2, 3, 4, 5])
  expect([...endLogits.data]).toEqual([10, 20, 30, 40, 50])
})

test("DPR's reader shows its two heads apart", async () => {
  const model = await DPRReader.fromPretrained(goldenPath('dpr/reader'), { backend })
  const heads = model.hookPoints().filter(({ name }) => !/^(embeddings|encoder)\./.test(name))
  expect(heads).toEqual([
    { name: 'logits', shape: ['batch', 'query', 2] },
    { name: 'relevance', shape: ['batch', 1] },
  ])
  const seven = Tensor.float32([7, 8], [2, 1])
  const { relevanceLogits } = await model.forward({ inputIds }, { hooks: { relevance: () => seven } })
  expect(relevanceLogits.shape).toEqual([2])
  expect(relevanceLogits.toArray()).toEqual([7, 8])
})
