/**
 * The commands that take a model of the user's: generate, embed, rerank, and ask with another reader. Recorded ids stand in prompts and
 * outputs as words (`w7` is 7).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Reranker, SentenceEncoder, type PromptAnswer } from '../../src/rag/index.js'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { generationCases } from '../support/generation.js'
import { goldenTensors } from '../support/goldens.js'
import { byteTokenizer, CHATML, words, wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'
import { weightsPath } from '../support/weights.js'

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
afterAll(() => rmSync(root, { recursive: true }))
const LLAMA = writeSmallFolder(join(root, 'llama'), { golden: 'llama/tied', tokenizer: wordTokenizer })
/** Writes without an end. */
const LLAMA_LONG = writeSmallFolder(join(root, 'long'), {
  golden: 'llama/tied',
  tokenizer: wordTokenizer,
  config: { max_position_embeddings: 100_000, eos_token_id: null },
  generation: {}, // nor an end token here
})
const T5 = writeSmallFolder(join(root, 't5'), { golden: 't5/v1_0-relu-tied', tokenizer: wordTokenizer })
const BERT = writeSmallFolder(join(root, 'bert'), { golden: 'bert/base', tokenizer: wordTokenizer })
const RERANKER = writeSmallFolder(join(root, 'reranker'), {
  golden: 'bert/sequence-classification',
  tokenizer: wordTokenizer,
})
const CHAT = writeSmallFolder(join(root, 'chat'), {
  golden: 'qwen3/base',
  tokenizer: byteTokenizer,
  chatTemplate: CHATML,
  config: { max_position_embeddings: 2048 },
})
const MINILM = weightsPath('all-MiniLM-L6-v2')

/** A recorded generation of one prompt: words in, words out. */
function recorded(golden: string, name: string) {
  const found = generationCases(golden).find((one) => one.name === name)!
  const prompt = found.input_ids[0]
  const written = found.output_ids[0].slice(golden.startsWith('t5') ? 1 : prompt.length)
  return { prompt: words(prompt), text: words(written), written, length: String(found.args.max_new_tokens) }
}

describe('glassformer generate', () => {
  const greedy = recorded('llama/tied', 'greedy-batch1')

  test('writes what transformers writes after a prompt', async () => {
    const ran = await runCli(['generate', LLAMA, greedy.prompt, '--max-new-tokens', greedy.length])
    expect(ran).toEqual({ code: 0, stdout: `${greedy.text}\n`, stderr: '' })
  })

  test('writes what an encoder-decoder makes of a text, which may come from standard input', async () => {
    const { prompt, text, length } = recorded('t5/v1_0-relu-tied', 'greedy-batch1')
    const ran = await runCli(['generate', T5, '-', '--max-new-tokens', length], { input: `${prompt}\n` })
    expect(ran).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' })
  })

  test('--beams searches', async () => {
    const { prompt, text, length } = recorded('llama/tied', 'beam3')
    const ran = await runCli(['generate', LLAMA, prompt, '--beams', '3', '--max-new-tokens', length])
    expect(ran).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' })
  })

  test('--json gives tokens with their log-probabilities', async () => {
    const { stdout } = await runCli(['generate', LLAMA, greedy.prompt, '--max-new-tokens', greedy.length, '--json'])
    const { tokens, ...rest } = JSON.parse(stdout) as { tokens: { id: number; text: string; logProb: number }[] }
    expect(rest).toEqual({ prompt: greedy.prompt, text: greedy.text, ended: false })
    expect(tokens.map(({ id }) => id)).toEqual(greedy.written)
    expect(tokens.map(({ text }) => text).join('')).toBe(greedy.text)
    expect(tokens.every(({ logProb }) => logProb <= 0)).toBe(true)
  })

  test('--seed draws the same text again', async () => {
    const draw = (seed: string, ...more: string[]) =>
      runCli(['generate', LLAMA, 'w5 w6', '--max-new-tokens', '12', '--seed', seed, ...more])
    const [first, second, other, narrow] = await Promise.all([
      draw('1'),
      draw('1'),
      draw('2'),
      draw('2', '--top-k', '1', '--temperature', '0.5', '--top-p', '0.9'),
    ])
    expect(first.stdout).toMatch(/^(w\d+ )+w\d+\n$/)
    expect(second).toEqual(first)
    expect(other.stdout).not.toBe(first.stdout)
    expect(narrow.stdout).toBe((await runCli(['generate', LLAMA, 'w5 w6', '--max-new-tokens', '12'])).stdout)
  })

  test('a piped text is whole characters, whatever the model writes', async () => {
    const args = ['generate', CHAT, 'x', '--seed', '5', '--max-new-tokens', '200']
    const [piped, json] = await Promise.all([runCli(args), runCli([...args, '--json'])])
    const { text } = JSON.parse(json.stdout) as { text: string }
    expect(text).toMatch(/[^\p{ASCII}]/u)
    expect(piped).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' })
  })

  test("--chat puts the prompt as a user's message", async () => {
    const args = ['--max-new-tokens', '8', '--json']
    const chat = await runCli(['generate', CHAT, 'Hello', '--chat', ...args])
    const byHand = '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n'
    const plain = await runCli(['generate', CHAT, byHand, ...args])
    const tokensOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { tokens: object }).tokens
    expect(tokensOf(chat)).toEqual(tokensOf(plain))
  })

  test.each<[string, string[], number, string]>([
    ['no prompt', [LLAMA], 2, 'PROMPT is missing'],
    ['an empty prompt', [LLAMA, ''], 2, 'PROMPT is empty'],
    ['a prompt without quotes', [LLAMA, 'a', 'b'], 2, 'unexpected argument "b"'],
    ['a temperature of 0', [LLAMA, 'w1', '--temperature', '0'], 2, '--temperature is "0", expected a number above 0'],
    ['an empty temperature', [LLAMA, 'w1', '--temperature', ''], 2, '--temperature is "", expected a number above 0'],
    ['a top-p of 2', [LLAMA, 'w1', '--top-p', '2'], 2, '--top-p is "2", expected a number above 0, at most 1'],
    [
      'a seed that is no number',
      [LLAMA, 'w1', '--seed', 'x'],
      2,
      '--seed is "x", expected a whole number of 0 or more',
    ],
    ['beams that draw', [LLAMA, 'w1', '--beams', '2', '--seed', '1'], 2, '--beams searches and --temperature'],
    ['an unknown option', [LLAMA, 'w1', '--fast'], 2, "Unknown option '--fast'"],
    ['a model that does not write', [BERT, 'w1'], 1, 'bert has no class for seq2seqLM; it has BertModel'],
    ['no chat template', [LLAMA, 'w1', '--chat'], 1, 'this checkpoint has no chat template'],
    ['a folder that is not there', ['/no/such/folder', 'w1'], 1, 'there is no tokenizer.json'],
    [
      'more than fits',
      [LLAMA, 'w1', '--max-new-tokens', '128'],
      1,
      'the prompt has 1 tokens and 128 are to be written, this model has 128 positions',
    ],
  ])('refuses %s', async (_name, args, code, message) => {
    const ran = await runCli(['generate', ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toContain(`glassformer: `)
    expect(ran.stderr).toContain(message)
  })
})

describe('glassformer embed', () => {
  test('prints a vector for each text, as a line of JSON', async () => {
    const texts = ['The cat sits outside.', 'Tea.']
    const { code, stdout, stderr } = await runCli(['embed', MINILM, ...texts])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const vectors = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as number[]) // prettier-ignore
    const encoder = await SentenceEncoder.fromPretrained(MINILM)
    expect(vectors.flat().map(Math.fround)).toEqual([...(await encoder.embed(texts))])
    expect(vectors).toHaveLength(2)
  })

  test('reads the lines of standard input, with and without -', async () => {
    const input = 'w5 w6\n\nw7\r\n'
    const args = ['--pooling', 'mean', '--normalize', '--json']
    const [dash, none] = await Promise.all([
      runCli(['embed', BERT, '-', ...args], { input }),
      runCli(['embed', BERT, ...args], { input }),
    ])
    expect(none).toEqual(dash)
    const lines = dash.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { text: string; embedding: number[] }) // prettier-ignore
    expect(lines.map(({ text }) => text)).toEqual(['w5 w6', 'w7'])
    for (const { embedding } of lines) expect(Math.hypot(...embedding)).toBeCloseTo(1, 6)
  })

  test('--pooling takes a plain encoder', async () => {
    const golden = await goldenTensors('bert/base', 'expected.single.safetensors')
    const text = words([...golden.ids('input_ids').toArray()])
    const { stdout } = await runCli(['embed', BERT, text, '--pooling', 'cls'])
    const wanted = golden.float('pooling.cls').toArray()
    ;(JSON.parse(stdout) as number[]).forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 4))
  })

  test.each<[string, string[], number, string]>([
    ['no model', [], 2, 'MODEL is missing'],
    ['an unknown pooling', [BERT, 'w1', '--pooling', 'max'], 2, '--pooling is "max", expected one of mean, cls'],
    ['--normalize alone', [BERT, 'w1', '--normalize'], 2, '--normalize is for --pooling'],
    ['a plain encoder without --pooling', [BERT, 'w1'], 1, 'for a plain encoder say which pooling: mean or cls'],
    ['nothing on standard input', [BERT, '-', '--pooling', 'cls'], 1, 'standard input: there are no texts'],
    ['a text that is too long', [MINILM, 'word '.repeat(300)], 1, 'the text has 302 tokens, at most 256 fit'],
  ])('refuses %s', async (_name, args, code, message) => {
    const ran = await runCli(['embed', ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toContain(message)
  })

  test('--truncate cuts such a text', async () => {
    const { code, stdout } = await runCli(['embed', MINILM, 'word '.repeat(300), '--truncate'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toHaveLength(384)
  })
})

describe('glassformer rerank', () => {
  const passages = [
    { id: 'a', title: '', text: 'w5 w6 w7' },
    { id: 'b', title: 'w9', text: 'w60 w61' },
    { id: 'c', title: '', text: 'w100' },
  ]
  const jsonLines = passages.map((passage) => JSON.stringify(passage)).join('\n')

  test('prints the passages with their scores, best first', async () => {
    const ranked = await (await Reranker.fromPretrained(RERANKER)).rerank('w11 w12', passages)
    const ran = await runCli(['rerank', RERANKER, 'w11 w12'], { input: jsonLines })
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const shown = ran.stdout.trimEnd().split('\n')
    expect(shown).toHaveLength(3)
    ranked.forEach(({ id, score }, i) => {
      expect(shown[i]).toMatch(new RegExp(`^\\[${i + 1}\\] +${score.toFixed(3)}  .* \\(${id}\\)$`))
    })
  })

  test('--json and --top-k, from a file', async () => {
    const file = join(root, 'passages.jsonl')
    writeFileSync(file, jsonLines)
    const ran = await runCli(['rerank', RERANKER, 'w11', '--passages', file, '--top-k', '2', '--json'])
    const ranked = await (await Reranker.fromPretrained(RERANKER)).rerank('w11', passages, { topK: 2 })
    expect(JSON.parse(ran.stdout)).toEqual({ question: 'w11', passages: ranked })
  })

  test.each<[string, string[], number, string]>([
    ['no question', [RERANKER], 2, 'QUESTION is missing'],
    ['an empty question', [RERANKER, ' '], 2, 'QUESTION is empty'],
    ['no passages', [RERANKER, 'w1'], 1, 'standard input: there are no passages'],
    ['a passage file that is not there', [RERANKER, 'w1', '--passages', '/no/file'], 1, '/no/file: cannot be read'],
  ])('refuses %s', async (_name, args, code, message) => {
    const ran = await runCli(['rerank', ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toContain(message)
  })

  test('refuses a model that does not judge', async () => {
    const ran = await runCli(['rerank', LLAMA, 'w1'], { input: jsonLines })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain('llama has no class for sequenceClassification')
  })
})

describe('glassformer ask --reader', () => {
  const input = 'Its capital is Paris.\nTea is a drink.'

  test('with a decoder-only model shows the answer and what was read', async () => {
    const ran = await runCli(['ask', 'Why?', '--reader', CHAT, '--passages', '-'], { input })
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(
      /\n\nThe model takes it for right with probability 0\.\d{3}\.\nFrom, with the probability that each stands behind the answer:\n {2}\[\d\] [01]\.\d{3} {2}/,
    )
  })

  test('--min-probability refuses what the model is less sure of, and shows it', async () => {
    const args = ['--reader', CHAT, '--min-probability', '0.99']
    const [asked, json, chatted] = await Promise.all([
      runCli(['ask', 'Why?', ...args, '--passages', '-'], { input }),
      runCli(['ask', 'Why?', ...args, '--passages', '-', '--json'], { input }),
      runCli(['chat', ...args, '--top-k', '1'], { input: 'Why?\n' }),
    ])
    const { kind, text, abstained, probability, written } = JSON.parse(json.stdout) as PromptAnswer
    expect({ kind, text, abstained }).toEqual({ kind: 'refused', text: "I don't know.", abstained: true })
    expect(probability).toBeLessThan(0.99)
    expect(asked).toMatchObject({ code: 0, stderr: '' })
    expect(asked.stdout).toContain(
      `I don't know.\n\nWritten, but taken for right with probability ${probability.toFixed(3)} only:\n  ${written}\n\nLooked at, with the probability that each stands behind what was written:\n`,
    )
    expect(chatted).toMatchObject({ code: 0, stderr: '' })
    expect(chatted.stdout).toMatch(/^I don't know\.\n\nWritten, but taken for right/)
  })

  test('--json gives prompt, passages and tokens', async () => {
    const ran = await runCli(['ask', 'Why?', '--reader', CHAT, '--passages', '-', '--json'], { input })
    const answer = JSON.parse(ran.stdout) as PromptAnswer
    expect(answer).toMatchObject({ mode: 'prompt', question: 'Why?', leftOut: [] })
    expect(answer.prompt).toContain('\n\nQuestion: Why?<|im_end|>\n<|im_start|>assistant\n')
    expect(answer.passages).toHaveLength(2)
  })

  test('refuses --mode, which only encoder-decoders have', async () => {
    const ran = await runCli(['ask', 'Why?', '--reader', CHAT, '--mode', 'rag-token', '--passages', '-'], { input })
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain('--mode is for encoder-decoders')
  })
})

describe.skipIf(NO_TERMINAL !== undefined)(`on a terminal${NO_TERMINAL ? ` (${NO_TERMINAL})` : ''}`, () => {
  test('a text shows while it is written, and Ctrl-C stops it at the end of a line', async () => {
    let pressed = false
    const { code, stdout } = await runCliOnTerminal(['generate', LLAMA_LONG, 'w5 w6', '--max-new-tokens', '30000'], {
      watch: (child, output) => {
        if (pressed || !/(w\d+ ){5}/.test(output)) return
        pressed = true
        child.stdin!.write('\u0003')
      },
    })
    expect(pressed).toBe(true)
    expect(code).toBe(1)
    const shown = stdout.replace('^C', '') // the terminal's echo, wherever the text was at that moment
    expect(shown).toMatch(/w\d*\r\nglassformer: the (generation|forward pass) was cancelled\r\n$/)
  })

  test('embed without a text asks for one, and does not wait for it', async () => {
    const { code, stdout } = await runCliOnTerminal(['embed', BERT])
    expect(code).toBe(2)
    expect(stdout).toContain('glassformer: TEXT is missing')
  })
})
