import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { JsonObject } from '../../src/files/json.js'

const parse = (text: string) => JsonObject.parse(text, 'config.json')

test('a name that means something to JavaScript is only a name', () => {
  const json = parse('{"__proto__":{"polluted":1},"constructor":"x"}')
  expect(json.keys()).toEqual(['__proto__', 'constructor'])
  expect(json.string('constructor')).toBe('x')
  expect(json.object('__proto__').integer('polluted')).toBe(1)
  expect(json.has('toString')).toBe(false)
  expect('polluted' in {}).toBe(false)
})

test('null counts as missing, so that a default takes its place', () => {
  const json = parse('{"a":null}')
  expect(json.has('a')).toBe(false)
  expect(json.integer('a', { fallback: 7 })).toBe(7)
  expect(json.boolean('b', true)).toBe(true)
})

describe('a value of another kind is named with what was expected', () => {
  test.each<[string, (json: JsonObject) => unknown, string]>([
    ['{"n":1.5}', (json) => json.integer('n'), 'config.json: "n" is 1.5, expected a whole number of 1 or more'],
    ['{"n":0}', (json) => json.integer('n'), 'config.json: "n" is 0, expected a whole number of 1 or more'],
    ['{"n":1e300}', (json) => json.integer('n'), 'expected a whole number of 1 or more'],
    ['{"n":1e999}', (json) => json.number('n'), 'expected a number'],
    ['{"n":"1"}', (json) => json.number('n'), 'config.json: "n" is "1", expected a number'],
    ['{"n":1}', (json) => json.boolean('n'), 'config.json: "n" is 1, expected true or false'],
    ['{"n":[]}', (json) => json.string('n'), 'config.json: "n" is [], expected a string'],
    ['{"n":"c"}', (json) => json.oneOf('n', ['a', 'b']), 'config.json: "n" is "c", expected one of a, b'],
    ['{}', (json) => json.integer('n'), 'config.json: "n" is missing, expected a whole number of 1 or more'],
    ['{"n":5}', (json) => json.object('n'), 'config.json: n: expected a JSON object, got 5'],
    ['{"n":5,"m":12}', (json) => json.divisor('n', 'm'), 'config.json: "m" 12 is not a multiple of "n" 5'],
    ['[]', (json) => json, 'config.json: expected a JSON object, got []'],
    ['{', (json) => json, 'config.json: not valid JSON'],
    [`{"n":"${'x'.repeat(1000)}"}`, (json) => json.integer('n'), '..., expected a whole number'],
  ])('%s', (text, read, message) => {
    const run = () => read(parse(text))
    expect(run).toThrow(ConfigError)
    expect(run).toThrow(message)
  })
})

describe('a file that is made to take all memory or the stack is refused', () => {
  const nested = (depth: number) => `{"n":${'['.repeat(depth)}${']'.repeat(depth)}}`
  test.each([
    ['a million lists within each other', nested(1e6), '64 lists and objects within each other'],
    ['65 levels', nested(64), '64 lists and objects within each other'],
    ['a million objects within each other, without their ends', '{"n":'.repeat(1e6), 'within each other'],
    ['two million objects', `{"n":[${'{},'.repeat(2e6)}0]}`, '2000000 lists and objects'],
    ['two million names', `{"n":{${'"a":0,'.repeat(2e6)}"a":0}}`, '2000000 names'],
    ['four million values', `{"n":[${'0,'.repeat(4e6)}0]}`, '4000000 values'],
  ])('%s', (_what, text, message) => {
    const read = () => parse(text).integer('n')
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(expect.objectContaining({ code: 'json-too-large' }) as Error)
    expect(read).toThrow(message)
  })

  test('64 levels are read, and brackets in strings are no levels', () => {
    expect(parse(nested(63)).has('n')).toBe(true)
    const text = '[{"\\'.repeat(1000)
    expect(parse(JSON.stringify({ text })).string('text')).toBe(text)
  })
})
