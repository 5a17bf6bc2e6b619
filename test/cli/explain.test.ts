import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { columnsOf, fitted, wrapped } from '../../src/cli/columns.js'
import type { Answer } from '../../src/rag/index.js'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { byteTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'

const QUESTION = 'What is the capital of France?'
const ESCAPE = '\u001b'
const PASSAGES = 'France is a country in Europe. Its capital is Paris.\nTea is a drink made of leaves.\n'
const explain = ['ask', QUESTION, '--explain', '--passages', '-']

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('glassformer ask --explain', () => {
  test('numbers the words of the answer, highlights what they were taken from, and tells every token', async () => {
    const { code, stdout, stderr } = await runCli(explain, { input: PASSAGES })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain(ESCAPE)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/ is Paris\[1\]\.$/)
    expect(lines).toContainEqual(expect.stringMatching(/^ {13}.* Its capital is \*Paris\*\.$/))
    expect(lines).toContain('             Tea is a drink made of leaves.')

    const json = await runCli([...explain, '--json'], { input: PASSAGES })
    const { tokens, passages, question } = JSON.parse(json.stdout) as Answer
    const rows = lines.slice(lines.findIndex((line) => line.startsWith('  token ')) + 1)
    tokens.forEach(({ text, logProb, sources }, t) => {
      const { field, passage, start, end, weight } = sources![0]
      const word = (field === 'question' ? question : passages[passage][field]).slice(start, end)
      const where = passage === undefined ? 'question' : `[${passage + 1}]` // these two stand in the order of their posteriors
      expect(rows[t]).toMatch(new RegExp(`^  ${text.trim() || '.end.'} +${Math.exp(logProb).toFixed(3)} `))
      expect(rows[t]).toContain(`  ${word} (${where}) ${weight.toFixed(2)}`)
    })
  })

  test('without it, JSON has no sources', async () => {
    const { stdout } = await runCli(['ask', QUESTION, '--passages', '-', '--json'], { input: PASSAGES })
    expect(stdout).not.toContain('"sources"')
  })

  test('of a decoder alone is a wrong call', async () => {
    const reader = writeSmallFolder(join(root, 'llama'), { golden: 'llama/tied', tokenizer: byteTokenizer })
    const { code, stderr } = await runCli([...explain, '--reader', reader], { input: PASSAGES })
    expect(code).toBe(2)
    expect(stderr).toContain('glassformer: --explain is for encoder-decoders, and the reader is none')
  })

  describe.skipIf(NO_TERMINAL !== undefined)(`on a terminal${NO_TERMINAL ? ` (${NO_TERMINAL})` : ''}`, () => {
    const own = ['ask', QUESTION, '--explain', '--top-k', '1']
    test('words are highlighted with colours', async () => {
      const { stdout } = await runCliOnTerminal(own)
      expect(stdout).toContain(`${ESCAPE}[7mParis${ESCAPE}[0m`)
      expect(stdout).not.toContain('*')
    })
    test('and with asterisks under NO_COLOR', async () => {
      const { stdout } = await runCliOnTerminal(own, { env: { NO_COLOR: '1' } })
      expect(stdout).toContain('*Paris*')
      expect(stdout).not.toContain(ESCAPE)
    })
  })
})

describe('text in columns', () => {
  const random = new Random(3)
  const PARTS = ['Paris', ' ', '  ', '\n', '北京', '🙂', '👩‍👩‍👧', 'e\u0301', '\u0007', 'a', '.', '한국어', 'averylongwordthatfitsnowhere'] // prettier-ignore
  const texts = Array.from({ length: 300 }, () =>
    Array.from({ length: random.below(30) }, () => random.pick(PARTS)).join(''),
  )
  const squeezed = (text: string) => text.replace(/[\s\p{Cc}]+/gu, '')

  test('wrapped lines keep within their width and lose nothing but spaces', () => {
    for (const text of texts) {
      const lines = wrapped(text, { width: 16, indent: '  ', mark: ['*', '*'] })
      for (const line of lines) expect(columnsOf(line), line).toBeLessThanOrEqual(16)
      expect(squeezed(lines.join(''))).toBe(squeezed(text))
    }
  })
  test('marks count as the columns that they take', () => {
    const of = (mark: readonly [string, string]) =>
      wrapped('one two three', { width: 12, indent: '', mark, marked: [{ start: 4, end: 7 }] })
    expect(of(['*', '*'])).toEqual(['one *two*', 'three'])
    expect(of([`${ESCAPE}[7m`, `${ESCAPE}[0m`])).toEqual([`one ${ESCAPE}[7mtwo${ESCAPE}[0m`, 'three'])
    expect(wrapped('one two three', { width: undefined, indent: '', mark: ['*', '*'] })).toEqual(['one two three'])
  })
  test('fitted text takes exactly its columns', () => {
    for (const text of texts) {
      for (const columns of [1, 2, 5, 12]) {
        expect(columnsOf(fitted(text, columns)), `${JSON.stringify(text)} in ${columns}`).toBe(columns)
      }
    }
    expect(fitted('北京', 3)).toBe('北…')
    expect(fitted('ab', 4, { right: true })).toBe('  ab')
  })
})
