import { describe, expect, test } from 'vitest'
import { Random } from '../../../bench/random.js'
import { quoteAround } from '../../../src/rag/reading/quote.js'

/** The quote around the first place of `span` in a text. */
function quoteOf(text: string, span: string): string {
  const start = text.indexOf(span)
  expect(start, span).toBeGreaterThanOrEqual(0)
  const quote = quoteAround(text, { start, end: start + span.length })
  return text.slice(quote.start, quote.end)
}

describe('prose: the sentence', () => {
  const text =
    'Tea is a drink. Dr. J. R. Smith paid 3.5 dollars for No. 7 at 5 p.m. on Monday! Was it e.g. Assam?\nIt was\nnot. The end'
  test.each([
    ['drink', 'Tea is a drink.'],
    ['Smith', 'Dr. J. R. Smith paid 3.5 dollars for No. 7 at 5 p.m. on Monday!'],
    ['3.5', 'Dr. J. R. Smith paid 3.5 dollars for No. 7 at 5 p.m. on Monday!'],
    ['7', 'Dr. J. R. Smith paid 3.5 dollars for No. 7 at 5 p.m. on Monday!'],
    ['Assam', 'Was it e.g. Assam?'],
    ['not', 'It was\nnot.'],
    ['end', 'The end'],
  ])('of "%s" is "%s"', (span, quote) => {
    expect(quoteOf(text, span)).toBe(quote)
  })

  test('goes on over wrapped lines, with either kind of line end', () => {
    for (const end of ['\n', '\r\n']) {
      const wrapped = [
        'The fee is due',
        'on the first of May',
        'each year. Late payers',
        'pay more.',
        '',
        'Next.',
      ].join(end)
      expect(quoteOf(wrapped, 'first of May')).toBe(['The fee is due', 'on the first of May', 'each year.'].join(end))
      expect(quoteOf(wrapped, 'more')).toBe(`Late payers${end}pay more.`)
      expect(quoteOf(wrapped, 'Next')).toBe('Next.')
    }
  })

  test('stops at an empty line, with or without spaces in it', () => {
    expect(quoteOf('A heading\n\nIt has no stop\n \t\nAnother', 'no stop')).toBe('It has no stop')
    expect(quoteOf('A heading\n\nIt has no stop\n \t\nAnother', 'heading')).toBe('A heading')
  })

  test('a span over the border of two has both, whole', () => {
    expect(quoteOf('One is red. Two is blue. Three.', 'red. Two')).toBe('One is red. Two is blue.')
    expect(quoteOf('It is one\n\nand it is two. Three.', 'one\n\nand')).toBe('It is one\n\nand it is two.')
  })
})

describe('items of a list', () => {
  test.each([
    ['- Open the lid.\n- Pour the\n  water. Wait.\n- Close it.', 'water', 'Pour the\n  water.'],
    ['- Open the lid\n- Pour water\n- Close it', 'Pour', 'Pour water'],
    ['1. Open the lid.\n2. Pour 1.5 litres.\n3. Close it.', '1.5', 'Pour 1.5 litres.'],
    ['You need:\n* a lid\n* a pan', 'pan', 'a pan'],
    ['1) Open\n2) Close', 'Close', 'Close'],
    ['- Open the lid\n\n- Close it', 'Close', 'Close it'],
  ])('%j: around "%s" is "%s"', (text, span, quote) => {
    expect(quoteOf(text, span)).toBe(quote)
  })

  test('a number at the end of a wrapped line begins none', () => {
    expect(quoteOf('The bridge was built in\n1932 by the city.', '1932')).toBe(
      'The bridge was built in\n1932 by the city.',
    )
  })
})

describe('rows of a table', () => {
  const table = 'Country: France; Capital: Paris; Note: see p. 4. Old\nCountry: Spain; Capital: Madrid; Note: none'
  test.each([
    ['Paris', 'Country: France; Capital: Paris; Note: see p. 4. Old'],
    ['Spain', 'Country: Spain; Capital: Madrid; Note: none'],
  ])('"%s": the row', (span, quote) => {
    expect(quoteOf(table, span)).toBe(quote)
    expect(quoteOf(table.replaceAll('\n', '\r\n'), span)).toBe(quote)
    expect(quoteOf(table.replaceAll('\n', '\n\n'), span)).toBe(quote)
  })
})

test('code: the line', () => {
  const code = 'npm install glassformer\nconst rag = await Rag.fromPretrained();\n  rag.ask("Who?");\n}'
  expect(quoteOf(code, 'install')).toBe('npm install glassformer')
  expect(quoteOf(code, 'Rag')).toBe('const rag = await Rag.fromPretrained();')
  expect(quoteOf(code, 'ask')).toBe('rag.ask("Who?");')
  const options = '--port 80   the port\n--host all  the host'
  expect(quoteOf(options, 'all')).toBe('--host all  the host')
})

test('texts of hardly anything', () => {
  expect(quoteAround('', { start: 0, end: 0 })).toEqual({ start: 0, end: 0 })
  expect(quoteAround('x', { start: 0, end: 1 })).toEqual({ start: 0, end: 1 })
  expect(quoteAround('\n\n', { start: 0, end: 1 })).toEqual({ start: 0, end: 1 })
})

test('a text of a megabyte takes no longer than it is', () => {
  for (const text of [
    'word '.repeat(200_000),
    'A line. \n'.repeat(100_000),
    '\n \n'.repeat(300_000),
    'a: '.repeat(300_000),
  ]) {
    const before = performance.now()
    const middle = text.length / 2
    quoteAround(text, { start: middle, end: middle + 3 })
    expect(performance.now() - before).toBeLessThan(2000)
  }
})

test('whatever is written: a quote holds its span and reaches over an empty line only where the span does', () => {
  const random = new Random(5)
  const PARTS = ['Paris', ' ', ' ', '. ', '\n', '\r\n', '\n\n', '\n \n', '- ', '1. ', 'Dr. ', 'Key: value; ', 'f(x);', '  ', '$ ', '3.5', '🙂', '?', '\u2028', '\u00a0'] // prettier-ignore
  for (let i = 0; i < 3000; i++) {
    const text = Array.from({ length: 1 + random.below(20) }, () => random.pick(PARTS)).join('')
    const start = random.below(text.length)
    const end = start + 1 + random.below(Math.min(12, text.length - start))
    const span = text.slice(start, end)
    if (span !== span.trim()) continue // tokens have no spaces around them
    const quote = quoteAround(text, { start, end })
    const shown = JSON.stringify([text, span])
    expect(quote.start, shown).toBeLessThanOrEqual(start)
    expect(quote.end, shown).toBeGreaterThanOrEqual(end)
    for (const part of [text.slice(quote.start, start), text.slice(end, quote.end)])
      expect(part, shown).not.toMatch(/\n[^\S\n]*\n/)
    const quoted = text.slice(quote.start, quote.end)
    expect(quoted, shown).toBe(quoted.trim())
  }
})
