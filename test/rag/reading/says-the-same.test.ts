import { expect, test } from 'vitest'
import { saysTheSame } from '../../../src/rag/reading/says-the-same.js'

test.each([
  ['Paris', 'the city of Paris', true],
  ['The Eiffel Tower', 'eiffel tower.', true],
  ['Paris', 'London', false],
  ['10', '100', false],
  ['art', 'party', false],
  ['%', 'Paris', false],
  ['10', '10 000', false],
  ['000', '10 000', false],
  ['1', '1,200', false],
  ['10', '10.5 km', false],
  ['1', '1/2 cup', false],
  ['10', '10:30', false],
  ['1.2', '1.2.3', false],
  ['2', '2 million', false],
  ['10', '10th', false],
  ['10', '10 crowns', true],
  ['10 000', 'about 10,000 people', true],
  ['10', 'in 10, 20 or 30 days', true],
  ['200', 'In 1998 200 came', true],
  ['1957', '4 October 1957.', true],
])('"%s" and "%s" say the same: %s', (a, b, same) => {
  expect(saysTheSame(a, b)).toBe(same)
  expect(saysTheSame(b, a)).toBe(same)
})
