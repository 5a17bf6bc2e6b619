/**
 * Quotes, as `ask`, `chat` and `serve` show them: the lines themselves from answers made by hand, and the commands with a reader that only quotes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describe as described } from '../../src/cli/ask.js'
import { spanCitation, withPlaces } from '../../src/cli/citation.js'
import { columnsOf } from '../../src/cli/columns.js'
import { explained } from '../../src/cli/explain.js'
import { decisionLines, nearestLines, quoteLines } from '../../src/cli/quotes.js'
import { processTerminal, type Terminal } from '../../src/cli/terminal.js'
import type { Answer, QuotedPassage, QuotedSpan, SpanAnswer } from '../../src/rag/index.js'
import { NO_TERMINAL, runCli, runCliOnTerminal, serveCli } from '../support/cli.js'
import { goldenPath } from '../support/goldens.js'
import { wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'
import { weightsPath } from '../support/weights.js'

const plain: Terminal = { ...processTerminal(new AbortController().signal), width: undefined }
const narrow = (width: number): Terminal => ({ ...plain, width })

const passage = (file: string, title: string, text: string, share: number, headingPath: string[]): QuotedPassage => ({
  id: file,
  title,
  text,
  score: 0.5,
  prior: 0.25,
  share,
  source: { file, headingPath, start: 10, end: 10 + text.length },
})
const PASSAGES = [
  passage('notes/trains.md', 'Travel', 'Trains leave at noon. A ticket costs 12 crowns.', 0.6, ['Arlen', 'Travel']),
  passage('notes/prices.md', 'Prices', 'A ticket is 12 crowns, and a map is 3.', 0.2, ['Prices']),
  passage('old/prices.md', 'Prices', 'A ticket cost 9 crowns then.', 0.15, []),
]

function span(at: number, text: string, quote: string, score: number, probability: number): QuotedSpan {
  const whole = PASSAGES[at].text
  const [start, from] = [whole.indexOf(text), whole.indexOf(quote)]
  const around = { start: from, end: from + quote.length, text: quote }
  return { passage: at, start, end: start + text.length, text, startScore: score - 1, endScore: 1, score, probability, quote: around, overlap: 1, fit: score } // prettier-ignore
}

const QUOTES: SpanAnswer = {
  question: 'How much is a ticket?',
  text: 'A ticket costs 12 crowns.',
  mode: 'span',
  abstained: false,
  probability: 0.8125,
  pNoAnswer: 0.05,
  spans: [
    span(0, '12 crowns', 'A ticket costs 12 crowns.', 4.5, 0.5),
    span(1, '12 crowns', 'A ticket is 12 crowns, and a map is 3.', 3.25, 0.2),
    span(2, '9 crowns', 'A ticket cost 9 crowns then.', 3, 0.15),
    span(0, 'noon', 'Trains leave at noon.', -2, 0.001),
  ],
  agreeing: [1],
  differing: [2],
  passages: PASSAGES,
}
const REFUSED: SpanAnswer = { ...QUOTES, text: "I don't know.", abstained: true, probability: 0.125, pNoAnswer: 0.75 }

const asAnswer = (quotes: SpanAnswer, kind: Answer['kind']): Answer => ({
  question: quotes.question,
  text: quotes.text,
  mode: 'conditioned',
  kind,
  abstained: kind === 'refused',
  probability: quotes.probability,
  pAnswerable: 1 - quotes.pNoAnswer,
  logProb: -1,
  passages: quotes.passages.map(({ share, ...passage }) => ({
    ...passage,
    pAbstain: 0.5,
    weight: 0.5,
    posterior: share / (1 - quotes.pNoAnswer),
    answer: '',
  })),
  tokens: [],
  candidates: [],
  quotes,
})

describe('a quote', () => {
  test('is shown with the words that answer, its place, how likely it is right, who agrees and who does not', () => {
    expect(quoteLines(QUOTES, plain)).toEqual([
      'A ticket costs «12 crowns».',
      '',
      '  notes/trains.md › Arlen › Travel, characters 10 to 57',
      '  Also in: notes/prices.md › Prices, characters 10 to 48',
      '  Right with probability 0.813.',
      '',
      'Other passages say, with the probability of each:',
      '  0.150  A ticket cost «9 crowns» then.',
      '         old/prices.md, characters 10 to 38',
    ])
  })

  test('alone says nothing of others', () => {
    const lines = quoteLines({ ...QUOTES, agreeing: [], differing: [] }, plain)
    expect(lines).toHaveLength(4)
    expect(lines.join()).not.toMatch(/Also in|Other passages/)
  })

  test.each([24, 30, 40, 60])('keeps within %s columns, and every span stays in sight', (width) => {
    const lines = quoteLines(QUOTES, narrow(width))
    const fixed = /^(?: {2}Right with|Other passages say)/
    for (const line of lines.filter((line) => !fixed.test(line))) {
      expect(columnsOf(line), line).toBeLessThanOrEqual(Math.max(width, 31)) // a place has 20 columns at least
    }
    expect(lines.join(' ')).toContain('«12 crowns»')
    expect(lines.join('\n')).toContain('«9 crowns»')
  })

  test('whose text could move the cursor does not', () => {
    const text = 'One \u001b[2Jtwo\u0007 three.'
    const passages = [{ ...PASSAGES[0], title: 'a\u001b', text, source: undefined }]
    const quote = { start: 0, end: text.length, text }
    const spans = [{ ...QUOTES.spans[0], start: 0, end: 12, text: text.slice(0, 12), quote }]
    const evil = { ...QUOTES, passages, spans, agreeing: [], differing: [] }
    const shown = [...quoteLines(evil, plain), ...nearestLines(evil, plain)].join('\n')
    expect(shown).not.toMatch(/[^\P{Cc}\n]/u)
  })

  test('of the default reader and of one that only quotes are shown alike, with the passages where they are asked for', () => {
    const shown = described(QUOTES, false, plain)
    expect(shown).toBe(quoteLines(QUOTES, plain).join('\n'))
    expect(described(asAnswer(QUOTES, 'quoted'), false, plain)).toBe(shown)
    expect(described(QUOTES, true, plain)).toContain('  [1] share 0.600  score 0.500  prior 0.250  notes/trains.md')
    expect(described(asAnswer(QUOTES, 'quoted'), true, plain)).toContain(
      '\n\nRead, with the probability that the answer stands in each:\n  [1] posterior 0.632  score 0.500',
    )
  })

  test('is explained by its numbers, those of all spans, and the spans in their passages', () => {
    const lines = explained(asAnswer(QUOTES, 'quoted'), plain).split('\n')
    expect(lines.slice(0, 9)).toEqual(quoteLines(QUOTES, plain))
    expect(lines).toContainEqual(expect.stringContaining('"no answer", whose share is 0.050. Words:'))
    const table = lines.indexOf('    start      end    score  share  words      fit  passage')
    expect(lines.slice(table + 1, table + 5)).toEqual([
      '    3.500    1.000    4.500  0.500  1.000    4.500  [1]     A ticket costs «12 crowns».',
      '    2.250    1.000    3.250  0.200  1.000    3.250  [2]     A ticket is «12 crowns», and a map is 3.',
      '    2.000    1.000    3.000  0.150  1.000    3.000  [3]     A ticket cost «9 crowns» then.',
      '   -3.000    1.000   -2.000  0.001  1.000   -2.000  [1]     Trains leave at «noon».',
    ])
    expect(lines).toContain('             Trains leave at noon. A ticket costs *12 crowns*.')
  })
})

describe('what decides between a worded answer and a quote', () => {
  const judged = { worded: '12 crowns.', said: 0.75, quoted: 0.8125, minProbability: 0.5, preferSaid: 0.7 }
  const about =
    'The likelier is given, if it is right with probability 0.500 or more; the worded answer from 0.700 on even where the quote is likelier:'
  const decided = (kind: Answer['kind'], more: object = {}) =>
    decisionLines({ ...asAnswer(kind === 'refused' ? REFUSED : QUOTES, kind), judged: { ...judged, ...more } }, plain)

  test('is shown with both probabilities and an arrow at what is given', () => {
    expect(decided('said')).toEqual([
      about,
      '→ worded   0.750  12 crowns.',
      '  quoted   0.813  A ticket costs 12 crowns.',
    ])
    expect(decided('quoted', { worded: undefined, said: 0 }).slice(1)).toEqual([
      '  worded   0.000  (none)',
      '→ quoted   0.813  A ticket costs 12 crowns.',
    ])
    expect(decided('refused', { said: 0.25, quoted: 0.125 }).slice(1)).toEqual([
      '  worded   0.250  12 crowns.',
      '  quoted   0.125  A ticket costs 12 crowns.',
      "→ refused         I don't know.",
    ])
    expect(decisionLines(asAnswer(QUOTES, 'said'), plain)).toEqual([]) // of a reader that does not decide
  })

  test('stands in the explanation of every kind of answer, with the spans', () => {
    for (const kind of ['said', 'quoted', 'refused'] as const) {
      const shown = explained({ ...asAnswer(QUOTES, kind), judged }, plain)
      expect(shown).toContain(`\n    start      end    score  share  words      fit  passage\n`)
      expect(shown).toContain(`${about}\n`)
    }
  })
})

describe('a refusal', () => {
  const nearest = [
    'Nearest, but right with probability 0.125 only:',
    '  A ticket costs «12 crowns».',
    '  notes/trains.md › Arlen › Travel, characters 10 to 57',
  ]

  test('shows what came nearest', () => {
    const [spans, mixed] = [REFUSED, asAnswer(REFUSED, 'refused')].map((answer) => described(answer, false, plain))
    for (const shown of [spans, mixed]) {
      expect(shown.split('\n').slice(0, 6)).toEqual(["I don't know.", '', ...nearest, ''])
      expect(shown).toContain('\nThe passages do not tell (p = 0.750); looked at, with the probability that ')
      expect(shown).toMatch(/\n {2}\[1\] \d\.\d{3} {2}Travel: Trains leave /)
    }
    expect(explained(asAnswer(REFUSED, 'refused'), plain)).toContain(nearest.join('\n'))
  })

  test('has nothing near where no span was found', () => {
    expect(nearestLines({ ...REFUSED, spans: [], agreeing: [], differing: [] }, plain)).toEqual([])
  })
})

test('a worded answer says how likely it is right, and in the modes of the paper how likely in itself', () => {
  const said = { ...asAnswer(QUOTES, 'said'), text: '12 crowns.' }
  expect(described(said, false, plain)).toMatch(/^12 crowns\.\n\nRight with probability 0\.813\.\nFrom, with the /)
  expect(described({ ...said, mode: 'rag-token' }, false, plain)).toContain('\n\nIts own probability is 0.813.\n')
})

describe('the place of a quote', () => {
  const source = { file: 'a/long/way/to/tea.md', headingPath: ['Drinks', 'Hot', 'Tea'], start: 10, end: 19 }
  const tea = { id: '7', title: 'Tea', text: 'some text', source }
  test.each<[number | undefined, string]>([
    [undefined, 'a/long/way/to/tea.md › Drinks › Hot › Tea, characters 10 to 19'],
    [60, '…/way/to/tea.md › Drinks › Hot › Tea, characters 10 to 19'],
    [55, '…/to/tea.md › Drinks › Hot › Tea, characters 10 to 19'],
    [44, '…/tea.md › … › Tea, characters 10 to 19'],
    [32, '…/tea.md, characters 10 to 19'],
    [20, '…/tea.md, character…'],
  ])('in %s columns', (width, expected) => {
    expect(spanCitation(tea, { start: 0, end: 4 }, width)).toBe(expected)
  })
  test('keeps the line or the characters, where a name is too long', () => {
    const named = { ...tea, source: { ...source, file: 'a-rather-long-name.md' } }
    expect(spanCitation(named, { start: 0, end: 4 }, 40)).toBe('a-rather-long-name…, characters 10 to 19')
  })
  test('has page and record, and is title and id where there is no file', () => {
    const paged = { ...tea, source: { ...source, file: 'tea.pdf', headingPath: ['Tea'], page: 3, record: 'r' } }
    expect(spanCitation(paged, { start: 0, end: 4 }, undefined)).toBe(
      'tea.pdf › record r › page 3 › Tea, characters 10 to 19',
    )
    expect(spanCitation({ ...tea, source: undefined }, { start: 0, end: 4 }, undefined)).toBe('Tea (7)')
    expect(spanCitation({ ...tea, title: '', source: undefined }, { start: 0, end: 4 }, undefined)).toBe('7')
  })
  test('stands in JSON with each span', () => {
    const files = (answer: object) =>
      (answer as { spans: { passage: number; source: { file: string } }[] }).spans.map(({ source }) => source.file)
    const expected = ['notes/trains.md', 'notes/prices.md', 'old/prices.md', 'notes/trains.md']
    expect(files(withPlaces(QUOTES))).toEqual(expected)
    expect(withPlaces(QUOTES)).toMatchObject({ kind: 'quoted' })
    expect(withPlaces(REFUSED)).toMatchObject({ kind: 'refused' })
    expect(files((withPlaces(asAnswer(QUOTES, 'quoted')) as Answer).quotes!)).toEqual(expected)
    const { quotes, ...without } = asAnswer(QUOTES, 'said')
    expect(quotes).toBeDefined()
    expect(withPlaces(without)).toBe(without)
  })
})

describe('with --reader and a question-answering model', () => {
  const QUESTION = 'How much is a ticket to Sorn?'
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-quotes-'))
  const index = join(folder, 'notes.index')
  const file = join(folder, 'arlen.md')
  const reader = ['--index', index, '--reader', weightsPath('span-reader')]
  const sure = [...reader, '--min-probability', '0']
  type Shown = SpanAnswer & { readonly kind: string; readonly spans: readonly { readonly source: object }[] }

  beforeAll(async () => {
    writeFileSync(file, '# Arlen\n\nArlen is a country in Europe.\nA ticket to Sorn costs 12 crowns.\n')
    writeFileSync(join(folder, 'tea.txt'), 'Tea is a drink. It is made of leaves.\n')
    const ran = await runCli(['index', file, join(folder, 'tea.txt'), '--out', index])
    expect(ran.code, ran.stderr).toBe(0)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('ask, chat and serve quote the same', async () => {
    const [json, shown, chatted] = await Promise.all([
      runCli(['ask', QUESTION, ...sure, '--json']),
      runCli(['ask', QUESTION, ...sure]),
      runCli(['chat', ...sure], { input: `${QUESTION}\n` }),
    ])
    const answer = JSON.parse(json.stdout) as Shown
    expect(answer).toMatchObject({ kind: 'quoted', text: 'A ticket to Sorn costs 12 crowns.' })
    expect(answer.spans[0]).toMatchObject({ text: 'costs 12 crowns', source: { file, headingPath: ['Arlen'] } })
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/^A ticket to Sorn «costs 12 crowns»\.\n\n {2}\S+arlen\.md › Arlen, /)
    expect(shown.stdout).toContain(`\n  Right with probability ${answer.probability.toFixed(3)}.\n`)
    expect(chatted.stdout).toContain(`it does not see what was said before.\n${shown.stdout}`)

    const served = await serveCli(sure, async (address) => {
      const post = async (body: object, stream = '') => {
        const headers = { 'Content-Type': 'application/json' }
        const response = await fetch(`${address}api/ask${stream}`, { method: 'POST', headers, body: JSON.stringify(body) }) // prettier-ignore
        return { status: response.status, text: await response.text() }
      }
      expect(JSON.parse((await post({ question: QUESTION })).text)).toEqual(answer)
      const last = (await post({ question: QUESTION }, '?stream')).text.trimEnd().split('\n\n').at(-1)!
      expect(JSON.parse(last.replace('event: answer\ndata: ', ''))).toEqual(answer)
      // the request's own goes before that of the command
      const refused = JSON.parse((await post({ question: QUESTION, minProbability: 1 })).text) as Shown
      expect(refused).toMatchObject({ kind: 'refused', text: "I don't know.", spans: answer.spans })
      expect(await post({ question: QUESTION, mode: 'rag-token' })).toMatchObject({ status: 400 })
      expect(await (await fetch(`${address}api/health`)).json()).toMatchObject({ reader: 'encoder' })
    })
    expect(served).toMatchObject({ code: 0, stderr: '' })
  })

  test('--min-probability 1 refuses, with what came nearest', async () => {
    const { stdout } = await runCli(['ask', QUESTION, ...reader, '--min-probability', '1'])
    expect(stdout).toMatch(
      /^I don't know\.\n\nNearest, but right with .* only:\n {2}A ticket to Sorn «costs 12 crowns»\.\n/,
    )
  })

  test.skipIf(NO_TERMINAL !== undefined)('on a terminal the words that answer are bold and underlined', async () => {
    const { stdout } = await runCliOnTerminal(['ask', QUESTION, ...sure])
    expect(stdout).toContain('A ticket to Sorn \u001b[1;4mcosts 12 crowns\u001b[0m.')
    expect(stdout).not.toContain('«')
  })

  test.each<[string, string[], string]>([
    ['--mode', ['ask', QUESTION, '--mode', 'rag-token'], '--mode is for encoder-decoders'],
    ['--explain', ['ask', QUESTION, '--explain'], '--explain is for encoder-decoders'],
    ['--max-new-tokens', ['chat', '--max-new-tokens', '5'], '--max-new-tokens is for readers that write'],
    ['trace', ['trace', QUESTION], '--reader is a question-answering model; trace is for encoder-decoders'],
  ])('refuses %s', async (_name, args, message) => {
    const reader = writeSmallFolder(join(folder, 'bert'), { golden: 'bert/question-answering', tokenizer: wordTokenizer }) // prettier-ignore
    const ran = await runCli([...args, '--index', index, '--reader', reader])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain(message)
  })

  test("DPR's reader, which cannot refuse, is none", async () => {
    const ran = await runCli(['ask', QUESTION, '--reader', goldenPath('dpr/reader')])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
  })
})

test.each(['ask', 'chat', 'serve'])('%s takes a --min-probability from 0 to 1', async (command) => {
  for (const value of ['1.01', '']) {
    const ran = await runCli([command, ...(command === 'ask' ? ['Why?'] : []), `--min-probability=${value}`])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain(`--min-probability is "${value}", expected a number from 0 to 1`)
  }
})
