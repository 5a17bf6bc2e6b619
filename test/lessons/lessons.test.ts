/**
 * What the lessons print, with and without their experiment, is what stands in lessons/output/. They are run as a reader runs them; each
 * also compares its own arithmetic with the engine's and fails where they differ. `npx vitest --project unit -u test/lessons` writes the
 * outputs.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const LESSONS = readdirSync(`${ROOT}lessons`).filter((file) => /^\d\d-.*\.ts$/.test(file))

test('there are eight lessons, and an output for each run', () => {
  expect(LESSONS.map((file) => Number(file.slice(0, 2)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  const runs = LESSONS.flatMap((file) => [`${file.slice(0, 2)}-experiment.txt`, `${file.slice(0, 2)}.txt`])
  expect(readdirSync(`${ROOT}lessons/output`)).toEqual(runs)
})

test.each(LESSONS.flatMap((file) => [file, `${file} --experiment`]))('lessons/%s', async (command) => {
  const [file, ...flags] = command.split(' ')
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', `lessons/${file}`, ...flags], {
    cwd: ROOT,
  })
  const output = `${file.slice(0, 2)}${flags.length > 0 ? '-experiment' : ''}.txt`
  await expect(stdout).toMatchFileSnapshot(`${ROOT}lessons/output/${output}`)
})

test('the answers in lessons/README.md have their numbers and words from the outputs', () => {
  const table = readFileSync(`${ROOT}lessons/README.md`, 'utf8').matchAll(
    /^\| \[.*\]\((?<file>.+?)\).*\|(?<answer>.+)\|$/gm,
  )
  const answers = [...table].map(({ groups }) => groups!)
  expect(answers.map(({ file }) => file)).toEqual(LESSONS)
  for (const { file, answer } of answers) {
    const lesson = file.slice(0, 2)
    const printed = [lesson, `${lesson}-experiment`].map((name) =>
      readFileSync(`${ROOT}lessons/output/${name}.txt`, 'utf8'),
    )
    for (const [number, words] of answer.matchAll(/\d[\d,]*[.,]\d+|"([^"]+)"/g)) {
      expect(printed.join('')).toContain(words ?? number)
    }
  }
})
