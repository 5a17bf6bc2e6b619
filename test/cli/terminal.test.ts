import { expect, test } from 'vitest'
import { counted, sparseLines } from '../../src/cli/terminal.js'

test('where no bar moves, a line says every twenty seconds how far it is', () => {
  let seconds = 100
  const lines: string[] = []
  const show = sparseLines((line) => lines.push(line), () => seconds * 1000) // prettier-ignore
  for (; seconds < 170; seconds += 3) show(`at ${seconds}`)
  expect(lines).toEqual(['at 121', 'at 142', 'at 163'])
})

test('one is not many', () => {
  expect([0, 1, 2].map((count) => counted(count, 'passage'))).toEqual(['0 passages', '1 passage', '2 passages'])
})
