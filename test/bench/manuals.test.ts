/**
 * The questions about PostgreSQL's and Python's manuals: what they promise of themselves, and where the manuals are installed, that the
 * passages hold what they ask for.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import {
  MANUALS,
  ManualMissingError,
  manualChapters,
  manualQuestions,
  type ManualQuestion,
} from '../../bench/quality/manuals.js'
import { holds, normalise } from '../../bench/quality/measures.js'
import { documentFiles, openDocuments, splitDocument, type TokenCounter } from '../../src/documents/index.js'
import type { Passage } from '../../src/rag/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { weightsPath } from '../support/weights.js'

const countBy = <T>(items: readonly T[], key: (item: T) => string) => {
  const counts: Record<string, number> = {}
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1
  return counts
}

describe('questions about manuals', () => {
  let questions: ManualQuestion[]
  beforeAll(async () => {
    questions = await manualQuestions()
  })

  test('are half for tuning, and the halves are alike', async () => {
    const [tuning, heldOut] = [await manualQuestions('tuning'), await manualQuestions('held-out')]
    expect([tuning.length, heldOut.length]).toEqual([60, 60])
    const group = ({ manual, kind }: ManualQuestion) => `${manual} ${kind}`
    const [one, other] = [countBy(tuning, group), countBy(heldOut, group)]
    for (const name of Object.keys({ ...one, ...other })) expect(Math.abs(one[name] - other[name])).toBeLessThan(2)
    expect(countBy(questions, ({ kind }) => kind)).toEqual({
      plain: 50,
      unanswerable: 30,
      paraphrase: 20,
      structure: 20,
    })
    expect(new Set(questions.map(({ question }) => question)).size).toBe(120)
  })

  test('are about the chapters, and have answers of words unless there is none', () => {
    for (const { question, kind, file, answers, manual, isRight } of questions) {
      expect(isRight === undefined, question).toBe(kind === 'unanswerable')
      expect(answers.length === 0, question).toBe(kind === 'unanswerable')
      if (file !== undefined) expect(file, question).toMatch(MANUALS[manual].chapters)
      for (const answer of answers) expect(normalise(answer), question).not.toBe('')
    }
  })

  test(
    'find their answers in the passages, or the packages are named that bring the manuals',
    { timeout: 120_000 },
    async (context) => {
      const chapters = await manualChapters().catch((error: unknown) => error)
      if (!Array.isArray(chapters)) {
        expect(chapters).toBeInstanceOf(ManualMissingError)
        expect((chapters as ManualMissingError).message).toMatch(/postgresql-doc-15|python3-doc/)
        return context.skip('the manuals are not installed')
      }
      const passages = await passagesOf(chapters as string[])
      const isAnswered = ({ isRight, answers }: ManualQuestion) =>
        passages.some((passage) => isRight!(passage) && answers.some((answer) => holds(passage.text, answer)))
      const answerable = questions.filter(({ isRight }) => isRight)
      expect(answerable.filter((question) => !isAnswered(question)).map(({ question }) => question)).toEqual([])
    },
  )
})

async function passagesOf(paths: readonly string[]): Promise<Passage[]> {
  const tokenizer = await AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  const counter: TokenCounter = { maxLength: 256, countTokens: (text) => tokenizer.encode(text).ids.length }
  const passages: Passage[] = []
  for (const file of await documentFiles(paths)) {
    const source = await file.open()
    for await (const entry of openDocuments(source, file.path)) {
      passages.push(...(await splitDocument(await entry.load(), counter)))
    }
    await source.close()
  }
  return passages
}
