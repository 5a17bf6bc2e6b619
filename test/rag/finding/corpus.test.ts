import { describe, expect, test } from 'vitest'
import { checkPassages } from '../../../src/rag/finding/corpus.js'
import { CorpusError, parseCorpus, type Passage } from '../../../src/rag/index.js'

describe('a corpus is read', () => {
  test('line by line, whatever else a line holds', () => {
    const text = '{"id":"1","title":"France","text":"It is.","source":"x"}\n{"text":"é","title":"T","id":"2"}\n'
    expect(parseCorpus(text, 'c')).toEqual([
      { id: '1', title: 'France', text: 'It is.' },
      { id: '2', title: 'T', text: 'é' },
    ])
  })
  test('with a byte-order mark, blank lines and Windows line ends', () => {
    const text = '\ufeff{"id":"a","text":"one"}\r\n\r\n   \r\n{"text":"two"}'
    expect(parseCorpus(text, 'c')).toEqual([
      { id: 'a', title: '', text: 'one' },
      { id: '4', title: '', text: 'two' },
    ])
  })
  test('with names that mean something to JavaScript', () => {
    const text = '{"id":"__proto__","title":"constructor","text":"x","__proto__":{"text":"y"}}'
    expect(parseCorpus(text, 'c')).toEqual([{ id: '__proto__', title: 'constructor', text: 'x' }])
  })
})

describe('a corpus is refused, by file and line', () => {
  test.each([
    ['no passages', '\n \n', 'empty-corpus', 'facts.jsonl: there are no passages'],
    ['a line that is not JSON', '{"text":"a"}\nnot json', 'not-json', 'facts.jsonl, line 2: not valid JSON'],
    [
      'a line that is not an object',
      '{"text":"a"}\n\n[1]',
      'config-type',
      'facts.jsonl, line 3: expected a JSON object',
    ],
    ['a passage without text', '{"id":"1"}', 'config-missing', 'facts.jsonl, line 1: "text" is missing'],
    ['a number for an id', '{"id":1,"text":"a"}', 'config-type', 'facts.jsonl, line 1: "id" is 1, expected a string'],
    [
      'a million lists within each other',
      `{"text":${'['.repeat(1e6)}${']'.repeat(1e6)}}`,
      'json-too-large',
      'facts.jsonl, line 1: more than 64',
    ],
    ['an empty text', '{"id":"x","text":" "}', 'empty-passage', 'facts.jsonl: the text of passage "x" is empty'],
    [
      'an id that occurs twice',
      '{"id":"x","text":"a"}\n{"id":"x","text":"b"}',
      'duplicate-id',
      'facts.jsonl: the id "x" occurs twice',
    ],
    [
      'an id that is the number of a line without one',
      '{"id":"2","text":"a"}\n{"text":"b"}',
      'duplicate-id',
      'facts.jsonl: the id "2" occurs twice',
    ],
  ])('%s', (_name, text, code, message) => {
    const read = () => parseCorpus(text, 'facts.jsonl')
    expect(read).toThrow(CorpusError)
    expect(read).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
    )
  })

  test('passages of a program that have no text', () => {
    const passages = [{ id: '1', title: '' }] as unknown as Passage[]
    expect(() => checkPassages(passages, 'passages')).toThrow('passages: the text of passage "1" is missing')
  })
})
