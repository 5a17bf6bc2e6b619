import { expect, test } from 'vitest'
import { GlassformerError, InputError, ShapeError } from '../src/errors.js'

test('a message has at most 1,000 characters, with its beginning, its end, and how much was cut', () => {
  const long = `config.json: "n" is ${'x'.repeat(1e6)}, expected a number`
  for (const { message } of [new InputError('code', long), new ShapeError('op', long)]) {
    expect(message.length).toBeLessThanOrEqual(1000)
    expect(message).toMatch(/config\.json: "n" is x+ \[… \d+ characters cut …\] x+, expected a number$/)
  }
  const { message } = new GlassformerError('code', long)
  const [, cut] = /(\d+) characters cut/.exec(message)!
  expect(message.replace(/ \[.*\] /, '').length + Number(cut)).toBe(long.length)
})

test('a message of 1,000 characters is left as it is', () => {
  expect(new GlassformerError('code', 'x'.repeat(1000)).message).toBe('x'.repeat(1000))
})
