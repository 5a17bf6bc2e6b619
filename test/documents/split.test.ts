import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import {
  openDocuments,
  splitDocument,
  type Document,
  type SplitOptions,
  type TokenCounter,
} from '../../src/documents/index.js'
import { bytesSource } from '../../src/files/byte-source.js'
import { passageText } from '../../src/rag/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { weightsPath } from '../support/weights.js'

/** Each letter is a token, and there are two special ones. */
const LETTERS: TokenCounter = { maxLength: 40, countTokens: (text) => text.length + 2 }

let miniLM: TokenCounter
beforeAll(async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  miniLM = { maxLength: 256, countTokens: (text) => tokenizer.encode(text).ids.length }
})

async function documentOf(file: string, text: string): Promise<Document> {
  for await (const entry of openDocuments(bytesSource(new TextEncoder().encode(text)), file)) return entry.load()
  throw new Error('no document')
}

const textsOf = async (text: string, counter: TokenCounter, options = {}) =>
  (await splitDocument(await documentOf('a.txt', text), counter, options)).map((passage) => passage.text)

describe('passages by hand', () => {
  // the title "a" takes 'a. ' and two special tokens: 35 letters are left
  test('hold as many sentences as fit', async () => {
    expect(await textsOf('One is here. Two is here. Three is here. Four.', LETTERS)).toEqual([
      'One is here. Two is here.',
      'Three is here. Four.',
    ])
  })

  test('begin with as many sentences of the one before as fit beside another', async () => {
    const text = 'Aa a. Bb b. Cc c. Dd d. Ee e. Ff f. Gg g. Hh h.'
    expect(await textsOf(text, LETTERS, { overlap: 2 })).toEqual([
      'Aa a. Bb b. Cc c. Dd d. Ee e. Ff f.',
      'Ee e. Ff f. Gg g. Hh h.',
    ])
    expect(await textsOf(`${'x'.repeat(33)}. Short. ${'y'.repeat(33)}.`, LETTERS, { overlap: 5 })).toEqual([
      `${'x'.repeat(33)}.`,
      'Short.',
      `${'y'.repeat(33)}.`,
    ])
  })

  test('a sentence goes on over the end of a line, not over an empty one', async () => {
    expect(await textsOf('This sentence is\nlong. It is\n\nbroken in two here by it.', LETTERS)).toEqual([
      'This sentence is\nlong. It is',
      'broken in two here by it.',
    ])
  })

  test('a sentence that is too long is parted between words, a word between characters', async () => {
    expect(await textsOf('aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee', LETTERS)).toEqual([
      'aaaaaaaaaa bbbbbbbbbb',
      'cccccccccc dddddddddd eeeeeeeeee',
    ])
    const towers = '🗼'.repeat(33)
    const parts = await textsOf(towers, LETTERS)
    expect(parts.join('')).toBe(towers)
    expect(parts.every((part) => part.isWellFormed() && part.length <= 35)).toBe(true)
  })

  test('a dot within a name ends no sentence', async () => {
    expect(await textsOf('Raised is sqlite3.NotSupportedError here. Two.', LETTERS)).toEqual([
      'Raised is',
      'sqlite3.NotSupportedError here.',
      'Two.',
    ])
    expect(await textsOf('東京は都市です。'.repeat(6), LETTERS)).toEqual([
      '東京は都市です。'.repeat(4),
      '東京は都市です。'.repeat(2),
    ])
  })

  test('code that is too long is parted between lines', async () => {
    expect(await textsOf('print(one)\nprint(two, three, four, five)', LETTERS)).toEqual([
      'print(one)',
      'print(two, three, four, five)',
    ])
  })

  test('a title that would take more than half is cut between words', async () => {
    const document = { ...(await documentOf('a.txt', 'Text.')), title: 'one two three four five six seven' }
    expect((await splitDocument(document, LETTERS))[0].title).toBe('one two three four')
  })

  // 18 letters and two special tokens are half
  test.each([
    ['the document and the path', 'Arlen', ['Past', 'Kings'], 'Arlen: Past: Kings'],
    ['no heading twice that is within itself', 'Arlen', ['Arlen', 'Past', 'Past'], 'Arlen: Past'],
    ['a heading that comes again further in', 'A', ['B', 'A'], 'A: B: A'],
    ['no outer headings where they do not fit', 'Arlen', ['One', 'Two', 'Three', 'Four'], 'Arlen: Three: Four'],
    ['nor a name twice because of that', 'Arlen', ['A long heading', 'Arlen'], 'Arlen'],
    ['no document where that does not fit', 'Arlen', ['Past', 'The kings of old'], 'The kings of old'],
    ['as many words as fit', 'Arlen', ['Past', 'Kings and queens of old'], 'Kings and queens'],
    ['no document that has no name', '', ['Past', '', 'Kings'], 'Past: Kings'],
    ['the document alone', 'Arlen', [], 'Arlen'],
    ['nothing', '', [], ''],
  ])('the title is %s', async (_what, title, headingPath, expected) => {
    const document = await documentOf('a.txt', 'Text.')
    const blocks = document.blocks.map((block) => ({ ...block, headingPath }))
    const [passage] = await splitDocument({ ...document, title, blocks }, LETTERS)
    expect(passage.title).toBe(expected)
    expect(passage.source!.headingPath).toEqual(headingPath)
  })

  test.each([
    [{ maxTokens: 41 }, 'maxTokens is 41, expected a whole number from 16 to 40'],
    [{ maxTokens: 15 }, 'maxTokens is 15'],
    [{ maxTokens: 20.5 }, 'maxTokens is 20.5'],
    [{ overlap: -1 }, 'overlap is -1'],
  ])('%j is refused', async (options, message) => {
    await expect(textsOf('Text.', LETTERS, options)).rejects.toThrow(message)
  })

  test('a passage has 128 tokens at most unless told, though the encoder reads more', async () => {
    const reads300 = { ...LETTERS, maxLength: 300 }
    const text = 'A sentence. '.repeat(60)
    const longest = async (options?: SplitOptions) =>
      Math.max(...(await textsOf(text, reads300, options)).map((part) => reads300.countTokens(part)))
    expect(await longest()).toBeLessThanOrEqual(128)
    expect(await longest({ maxTokens: 300 })).toBeGreaterThan(256)
  })

  test('the splitting of a long text can be cancelled', async () => {
    const cancelled = textsOf('A sentence. '.repeat(100), LETTERS, { signal: AbortSignal.abort() })
    await expect(cancelled).rejects.toMatchObject({ code: 'aborted' })
  })
})

const PIECES = [
  'Paris',
  'is',
  'a',
  'city',
  'of',
  '2,138,551',
  'people',
  'Dr.',
  'née',
  '東京は都市です。',
  '🗼',
  'antidisestablishmentarianism',
  'x'.repeat(400),
]
const SEPARATORS = [' ', ' ', ' ', '. ', '? ', '\n', '.\n', '\r\n', '\n\n', '.\n \n', '  ', '\t']

function randomText(random: Random, length: number): string {
  return Array.from({ length }, () => random.pick(PIECES) + random.pick(SEPARATORS)).join('')
}

describe('whatever the text', () => {
  test('plain passages are parts of the file in its order, fit the encoder, and leave out nothing but spaces', async () => {
    const random = new Random(11)
    for (let round = 0; round < 40; round++) {
      const text = randomText(random, random.below(300))
      const maxTokens = 16 + random.below(241)
      const passages = await splitDocument(await documentOf('a.txt', text), miniLM, { maxTokens })
      let end = 0
      for (const passage of passages) {
        const { source } = passage
        expect(passage.text).toBe(text.slice(source!.start, source!.end))
        expect(passage.text).toBe(passage.text.trim())
        expect(passage.text.isWellFormed()).toBe(true)
        expect(miniLM.countTokens(passageText(passage))).toBeLessThanOrEqual(maxTokens)
        expect(text.slice(end, source!.start).trim()).toBe('')
        end = source!.end
      }
      expect(text.slice(end).trim()).toBe('')
    }
  })

  test('with an overlap, passages still go on, fit and end with the text', async () => {
    const random = new Random(12)
    for (let round = 0; round < 20; round++) {
      const text = randomText(random, 1 + random.below(200))
      const options = { maxTokens: 16 + random.below(100), overlap: 1 + random.below(4) }
      const passages = await splitDocument(await documentOf('a.txt', text), miniLM, options)
      passages.forEach((passage, i) => {
        const { start, end } = passage.source!
        const before = passages[i - 1]?.source
        expect(passage.text).toBe(text.slice(start, end))
        expect(miniLM.countTokens(passageText(passage))).toBeLessThanOrEqual(options.maxTokens)
        if (!before) return
        expect(start).toBeGreaterThan(before.start)
        expect(end).toBeGreaterThan(before.end)
        expect(start <= before.end || text.slice(before.end, start).trim() === '').toBe(true)
      })
      expect(text.trimEnd().length).toBe(passages.at(-1)!.source!.end)
    }
  })

  /** Words that occur once each, so that it can be told which of them stand in a part of the file. */
  const wordsIn = (text: string) => text.match(/w\d+w/g) ?? []

  test.each([
    [
      'md',
      [
        ' ',
        '\n',
        ' **bold** ',
        ' [link](http://x) ',
        ' &amp; ',
        '\n\n',
        '\n\n# H\n\n',
        '\n- ',
        '\n> ',
        ' `code` ',
        '\n\n    indented ',
        '\n\n```\nfenced\n```\n\n',
        '<br>',
        ' \\* ',
      ],
    ],
    [
      'html',
      [
        ' ',
        '\n',
        '<b>bold</b>',
        '<p>',
        '</p>',
        '<h2>H</h2>',
        '<li>',
        '<td>',
        '<dl>',
        '<dt>',
        '<dd>',
        '</dl>',
        '<div class=note>',
        '&eacute;',
        ' &amp; ',
        '<!-- w0w -->',
        '<script>w0w</script>',
        '<pre>',
        '</pre>',
        '< ',
        ' & ',
        '&#128512;',
        '</div>',
      ],
    ],
  ])('passages of %s hold the words of the place that they name', async (extension, marks) => {
    const random = new Random(13)
    for (let round = 0; round < 60; round++) {
      let word = 0
      const source = Array.from({ length: 60 }, () => `w${++word}w${random.pick(marks)}`).join('')
      const passages = await splitDocument(await documentOf(`a.${extension}`, source), {
        maxLength: 100,
        countTokens: (text) => text.length,
      })
      for (const passage of passages) {
        const cited = source.slice(passage.source!.start, passage.source!.end)
        expect(wordsIn(passage.text)).toEqual(wordsIn(cited).filter((found) => found !== 'w0w'))
        if (/^w/.test(passage.text)) expect(cited).toMatch(/^w/)
        if (/w$/.test(passage.text)) expect(cited).toMatch(/w$/)
      }
    }
  })
})
