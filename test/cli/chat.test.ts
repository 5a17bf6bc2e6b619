/**
 * `glassformer chat`: lines from a pipe, and a conversation on a terminal.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { byteTokenizer, CHATML, writeSmallFolder } from '../support/small-tokenizers.js'

const folder = mkdtempSync(join(tmpdir(), 'glassformer-chat-'))
const index = join(folder, 'notes.index')
const small = (name: string, positions: number, more: object = {}) =>
  writeSmallFolder(join(folder, name), {
    golden: 'qwen3/base',
    tokenizer: byteTokenizer,
    chatTemplate: CHATML,
    config: { max_position_embeddings: positions },
    ...more,
  })
const CHAT = small('chat', 4096)
/** Has room for little more than a question and its passages. */
const SHORT = small('short', 400)
/** Writes without an end. */
const ENDLESS = small('endless', 100_000, {
  config: { max_position_embeddings: 100_000, eos_token_id: null },
  generation: {},
})

beforeAll(async () => {
  writeFileSync(join(folder, 'arlen.md'), '# Arlen\n\nArlen is a country in Europe. Its capital is Brask.\n')
  writeFileSync(join(folder, 'tea.txt'), 'Tea is a drink. It is made of leaves.\n')
  const ran = await runCli(['index', join(folder, 'arlen.md'), join(folder, 'tea.txt'), '--out', index])
  expect(ran.code, ran.stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true }))

const chat = (args: readonly string[], lines: readonly string[]) =>
  runCli(['chat', '--index', index, ...args], { input: lines.map((line) => `${line}\n`).join('') })

describe('glassformer chat, from a pipe', () => {
  test('answers each line as ask does, and says once that this reader remembers nothing', async () => {
    const questions = ['What is the capital of Arlen?', 'Who wrote Hamlet?']
    const [ran, ...asked] = await Promise.all([
      chat([], [questions[0], '', questions[1], '/quit', 'What is tea?']),
      ...questions.map((question) => runCli(['ask', question, '--index', index])),
    ])
    expect(ran).toEqual({
      code: 0,
      stdout: `This reader answers each question by itself: it does not see what was said before.\n${asked.map(({ stdout }) => `${stdout}\n`).join('')}`,
      stderr: '',
    })
    expect(ran.stdout).toContain('The capital of Arlen is Brask.\n')
    expect(ran.stdout).toContain(`(${join(folder, 'arlen.md')}, characters 9 to 60)`)
  })

  test('a decoder-only model answers with its passages under each answer', async () => {
    const ran = await chat(['--reader', CHAT, '--max-new-tokens', '10'], ['Why?', 'And where?'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(
      ran.stdout.match(/Read, with the probability of each before it was read:\n {2}\[1\] .*\n {2}\[2\] .*\n/g),
    ).toHaveLength(2)
    expect(ran.stdout).not.toContain('by itself')
  })

  test('what does not fit any more is said, until /new', async () => {
    const question = 'What is tea, and what is it made of, and who drinks it?'
    const ran = await chat(
      ['--reader', SHORT, '--max-new-tokens', '8', '--top-k', '1'],
      [question, question, question, '/new', question],
    )
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const answers = ran.stdout.split('Read, with').slice(1)
    expect(answers.map((text) => /Without the first (.*), for which there is no room\./.exec(text)?.[1])).toEqual([
      undefined,
      undefined,
      'turn',
      undefined,
    ])
  })

  test('a question that fails is said, the next one is answered, and the exit code is 1', async () => {
    const ran = await chat([], ['word '.repeat(300), '/help', 'What is the capital of Arlen?'])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^glassformer: .*302 tokens.*\nThere is no \/help; there are \/new and \/quit\.\n$/)
    expect(ran.stdout).toContain('The capital of Arlen is Brask.\n')
  })

  test('a last line without an end counts, and no line at all is no failure', async () => {
    const args = ['chat', '--index', index]
    const ran = await runCli(args, { input: 'What is the capital of Arlen?' })
    expect(ran.stdout).toContain('The capital of Arlen is Brask.\n')
    expect(await runCli(args, { input: '' })).toMatchObject({ code: 0, stderr: '' })
  })

  test.each<[string, string[], number, string]>([
    ['a filter without an index', ['--filter', 'a=b'], 2, '--filter is for --index'],
    ['--top-k 0', ['--top-k', '0'], 2, '--top-k is "0"'],
    ['a question among the arguments', ['Why?'], 2, 'unexpected argument "Why?"'],
    ['an index that is not there', ['--index', join(folder, 'none')], 1, 'there is no such index'],
    ['a reader that is not there', ['--reader', '/no/such/folder'], 1, '/no/such/folder'],
  ])('refuses %s', async (_name, args, code, message) => {
    const ran = await runCli(['chat', ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toContain(message)
  })
})

describe.skipIf(NO_TERMINAL !== undefined)(`on a terminal${NO_TERMINAL ? ` (${NO_TERMINAL})` : ''}`, () => {
  test('Ctrl-C ends the answer, and at the prompt the program', async () => {
    let step = 0
    const args = ['chat', '--index', index, '--reader', ENDLESS, '--max-new-tokens', '7000']
    const { code, stdout } = await runCliOnTerminal(args, {
      watch: ({ stdin }, output) => {
        if (step === 0 && output.includes('> ')) {
          step = 1
          stdin!.write('Why?\r')
        } else if (step === 1 && output.split('Why?')[1]?.length > 40) {
          step = 2
          stdin!.write('\u0003')
        } else if (step === 2 && /was cancelled[^]*> /.test(output)) {
          step = 3
          stdin!.write('\u0003')
        }
      },
    })
    expect(step).toBe(3)
    expect(code).toBe(0)
    expect(stdout).toMatch(/glassformer: the (generation|forward pass) was cancelled/)
  })
})
