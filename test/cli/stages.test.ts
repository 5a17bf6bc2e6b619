/**
 * A search of every stage, for words too and with --rerank over a file, as `ask`, `chat` and `serve` show it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Answer, RetrievedPassage } from '../../src/rag/index.js'
import { runCli, serveCli } from '../support/cli.js'
import { wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'

const QUESTION = 'What is the capital of Arlen?'
const folder = mkdtempSync(join(tmpdir(), 'glassformer-stages-'))
const file = (name: string) => join(folder, name)
const index = file('notes.index')
/** Random weights: its order is as good as any, and unlike the others. */
const judge = writeSmallFolder(file('judge'), { golden: 'bert/sequence-classification', tokenizer: wordTokenizer })
const search = ['--index', index, '--rerank', judge]
const filter = ['--filter', `file=${file('arlen.md')}`, '--filter', `file=${file('tea.txt')}`]

beforeAll(async () => {
  writeFileSync(file('arlen.md'), '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n')
  writeFileSync(file('brask.txt'), 'Brask is a city. It lies in Arlen.\n')
  writeFileSync(file('tea.txt'), 'Tea is a drink. It is made of leaves.\n')
  const files = ['arlen.md', 'brask.txt', 'tea.txt'].map(file)
  expect(await runCli(['index', ...files, '--out', index])).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(folder, { recursive: true }))

const stagesOf = ({ score, scores, ranks }: RetrievedPassage) => ({ score, scores, ranks })

test('ask, chat and serve find the same by the same stages, and say rank and score of each', async () => {
  const [json, shown, chatted] = await Promise.all([
    runCli(['ask', QUESTION, ...search, '--json']),
    runCli(['ask', QUESTION, ...search, '--show']),
    runCli(['chat', ...search, '--show'], { input: `${QUESTION}\n` }),
  ])
  const { text, passages } = JSON.parse(json.stdout) as Answer
  expect(text).toBe('The capital of Arlen is Brask.')
  expect(passages.map(({ ranks }) => ranks!.reranker)).toEqual([1, 2, 3])
  const logits = passages.map(({ scores }) => scores!.reranker!)
  expect(logits).toEqual([...logits].sort((a, b) => b - a))
  const arlen = passages.find(({ title }) => title === 'Arlen')!
  // first by vectors and by words, so 2 / (60 + 1) by hand
  expect(arlen.ranks).toMatchObject({ dot: 1, text: 1, rrf: 1 })
  expect(arlen.scores!.rrf).toBeCloseTo(2 / 61, 12)

  const { score, scores, ranks } = arlen
  const line = `score ${score.toFixed(3)} (#1)  text ${scores!.text!.toFixed(3)} (#1)  rrf 0.033 (#1)  reranker ${scores!.reranker!.toFixed(3)} (#${ranks!.reranker})`
  expect(shown.stdout).toContain(line)
  expect(chatted.stdout).toContain(shown.stdout)

  const served = await serveCli(search, async (address) => {
    const post = async (path: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(`${address}api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return (await response.json()) as Answer
    }
    expect(await post('ask', { question: QUESTION })).toEqual(JSON.parse(json.stdout))
    const found = await post('search', { question: QUESTION })
    expect(found.passages.map(stagesOf)).toEqual(passages.map(stagesOf))
    expect(found).toMatchObject({
      stages: [
        { name: 'dot', method: 'dot product' },
        { name: 'text', method: 'BM25+' },
        { name: 'rrf', method: 'reciprocal rank fusion' },
        { name: 'reranker', method: 'judge' },
      ],
    })
    const some = await post('search', { question: QUESTION, filter: { file: [file('arlen.md'), file('tea.txt')] } })
    expect(some.passages.map(({ source }) => source!.file).sort()).toEqual([file('arlen.md'), file('tea.txt')])
    expect(await (await fetch(address)).text()).toContain('glassformer-api')
  })
  expect(served).toMatchObject({ code: 0, stderr: '' })
})

test('--filter restricts every stage', async () => {
  const { code, stdout } = await runCli(['ask', QUESTION, ...search, ...filter, '--json'])
  expect(code).toBe(0)
  const { passages } = JSON.parse(stdout) as Answer
  expect(passages.map(({ source }) => source!.file).sort()).toEqual([file('arlen.md'), file('tea.txt')])
  expect(passages.map(({ ranks }) => ranks!.dot).sort()).toEqual([1, 2])
})

test('a reranker that is none is refused', async () => {
  const ran = await runCli(['ask', QUESTION, '--index', index, '--rerank', file('nothing')])
  expect(ran).toMatchObject({ code: 1, stdout: '' })
  expect(ran.stderr).toContain('nothing')
})
