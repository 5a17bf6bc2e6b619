import { describe, expect, test } from 'vitest'
import { MOST, parseParagraphs, PassagesError, readPassages } from '../../web/app/passages.js'

const file = (name: string, content: string | Uint8Array<ArrayBuffer>) => new File([content], name)

test('JSON lines: ids and titles may be left out', async () => {
  const lines = '{"text": "One."}\n\n{"id": 7, "title": "T", "text": "Two."}\r\n'
  expect(await readPassages(file('my.jsonl', lines))).toEqual([
    { id: '1', title: '', text: 'One.' },
    { id: '7', title: 'T', text: 'Two.' },
  ])
})

test('in a text, empty lines part passages', () => {
  expect(parseParagraphs('One\nand a half.\r\n\r\n\n Two. \n').map(({ text }) => text)).toEqual([
    'One and a half.',
    'Two.',
  ])
})

describe('a file without passages is refused, and told where', () => {
  test.each([
    ['a.jsonl', '{"text": "One."}\n{"text"', 'line 2'],
    ['a.jsonl', 'null', 'line 1'],
    ['a.jsonl', '{"text": " "}', 'no "text"'],
    ['a.jsonl', '{"text": "x", "title": 3}', '"title"'],
    ['a.jsonl', '{"text": "x", "id": {}}', '"id"'],
    ['a.jsonl', '{"text": "x", "id": "1"}\n{"text": "y", "id": 1}', 'same id'],
    ['a.txt', ' \n\n ', 'no passages'],
    ['a.txt', 'x\n\n'.repeat(MOST.passages + 1), `${MOST.passages}`],
  ])('%s %.30s', async (name, content, named) => {
    await expect(readPassages(file(name, content))).rejects.toThrow(PassagesError)
    await expect(readPassages(file(name, content))).rejects.toThrow(named)
  })

  test('bytes that are no text', async () => {
    await expect(readPassages(file('a.txt', new Uint8Array([0xff, 0xfe, 0x00])))).rejects.toThrow('UTF-8')
  })
})
