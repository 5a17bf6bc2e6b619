import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { columnsOf } from '../../src/cli/columns.js'
import { heatMap } from '../../src/cli/heat-map.js'
import { Rag, readerInput, type Answer, type RetrievedPassage } from '../../src/rag/index.js'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { byteTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'

const QUESTION = 'What is the capital of France?'
const FRANCE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const JAPAN = { title: 'Japan', text: 'Japan is a country in Asia, east of Korea. Its capital is Tokyo.' }

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const corpus = join(root, 'own.jsonl')
beforeAll(() => {
  writeFileSync(corpus, [FRANCE, JAPAN].map((passage, i) => JSON.stringify({ id: `${i + 1}`, ...passage })).join('\n'))
})
afterAll(() => rmSync(root, { recursive: true }))
const trace = ['trace', QUESTION]
const own = () => [...trace, '--passages', corpus]

interface Line {
  readonly stage: string
  readonly point?: string
  readonly passage?: number
  readonly query?: string[]
  readonly key?: string[]
  readonly values?: number[][][]
  readonly token?: string
  readonly byPassage?: number[]
  readonly mixture?: number
  readonly answer?: Answer
  readonly passages?: RetrievedPassage[]
}

async function stagesOf(args: readonly string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await runCli(args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Line) // prettier-ignore
}

describe('glassformer trace --json', () => {
  let lines: Line[]
  let rag: Rag
  beforeAll(async () => {
    lines = await stagesOf([...own(), '--json'])
    rag = await Rag.fromPretrained()
  })

  test('walks the pass in order', async () => {
    const answer = await rag.ask(QUESTION, { passages: [FRANCE, JAPAN] })
    const attentions = [0, 1, 2, 3].map((layer) => `encoder.${layer}.self_attention.probs`)
    for (const layer of [0, 1]) {
      attentions.push(`decoder.${layer}.self_attention.probs`, `decoder.${layer}.cross_attention.probs`)
    }
    expect(lines.map(({ stage, point }) => point ?? stage)).toEqual([
      ...['question', 'retrieval', 'input'],
      ...attentions,
      ...answer.tokens.map(() => 'step'),
      ...['mixture', 'quotes'],
    ])
    expect(lines.at(-1)!.answer).toMatchObject({ text: answer.text, question: QUESTION })
  })

  test('has the attentions of the forward pass, of one passage and without the padding of the batch', async () => {
    const { model, tokenizer } = rag.reader
    const { tokens } = lines.at(-1)!.answer!
    const input = tokenizer.encode(readerInput(FRANCE, QUESTION))
    const inputs = { inputIds: [input.ids], labels: [tokens.map(({ id }) => id)] }
    const output = await model.forward(inputs, { outputAttentions: true })
    const expected = {
      'encoder.2.self_attention.probs': output.encoderAttentions![2],
      'decoder.0.self_attention.probs': output.decoderAttentions![0],
      'decoder.1.cross_attention.probs': output.crossAttentions![1],
    }
    for (const [name, attentions] of Object.entries(expected)) {
      const { values, query, key, passage } = lines.find(({ point }) => point === name)!
      expect(passage).toBe(1)
      const wanted = attentions.select(0, 0)
      expect([values!.length, query!.length, key!.length]).toEqual(wanted.shape)
      const flat = wanted.toArray()
      values!.flat(2).forEach((value, i) => expect(Math.abs(value - flat[i])).toBeLessThan(1e-4))
      for (const row of values!.flat()) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4)
    }
    const { key } = lines.find(({ point }) => point === 'decoder.1.cross_attention.probs')!
    expect(key!.map((token) => token.replace('·', 'Ġ'))).toEqual(input.tokens)
  })

  test('ends with the answer that ask gives, its quotes and what decided', async () => {
    const { stdout } = await runCli(['ask', QUESTION, '--passages', corpus, '--json'])
    const { kind, text, probability, quotes } = JSON.parse(stdout) as Answer
    const answer = lines.at(-1)!.answer!
    expect(answer).toMatchObject({ kind, text, quotes, judged: { worded: text, quoted: quotes!.probability } })
    expect(answer.probability).toBeCloseTo(probability, 4)
    expect(answer.quotes!.spans[0]).toMatchObject({ text: 'Paris', passage: 0 })
    expect(lines.at(-2)!.answer).toMatchObject({ text, tokens: answer.tokens })
    expect(lines.at(-2)!.answer).not.toHaveProperty('quotes')
  })

  test('each step has the probabilities that the answer has', () => {
    const { tokens, candidates, text } = lines.at(-1)!.answer!
    const steps = lines.filter(({ stage }) => stage === 'step')
    steps.forEach(({ mixture }, t) => expect(Math.log(mixture!)).toBeCloseTo(tokens[t].logProb, 6))
    const { logLikelihoods } = candidates.find((candidate) => candidate.text === text)!
    logLikelihoods.forEach((logLikelihood, z) => {
      const product = steps.reduce((sum, { byPassage }) => sum + Math.log(byPassage![z]), 0)
      expect(product).toBeCloseTo(logLikelihood, 2)
    })
  })

  test('--head is one head, --passage another passage, --at one point', async () => {
    const at = ['--at', 'decoder.1.cross_attention.probs']
    const { stdout } = await runCli([...own(), ...at, '--head', '3', '--json'])
    const all = lines.find(({ point }) => point === at[1])!
    expect(JSON.parse(stdout)).toMatchObject({ point: at[1], head: 3, axes: ['query', 'key'] })
    const { values } = JSON.parse(stdout) as { values: number[][] }
    values.flat().forEach((value, i) => expect(value).toBeCloseTo(all.values![3].flat()[i], 4))
    const other = JSON.parse((await runCli([...own(), ...at, '--passage', '2', '--json'])).stdout) as Line
    expect(other.key!.slice(0, 4).join('')).toContain('Japan'.slice(0, 3))
  })
})

describe('glassformer trace', () => {
  test('draws maps in which the answer looks at its source, in 80 columns and without colours', async () => {
    const { code, stdout, stderr } = await runCli(trace) // a passage of 58 tokens
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.split('\n')
    for (const line of lines) expect(columnsOf(line), line).toBeLessThanOrEqual(80)
    expect(stdout).not.toContain('\u001b')
    const start = lines.findIndex((line) => line.startsWith('decoder.1.cross_attention.probs, mean of 8 heads'))
    const row = (label: string) => lines.slice(start).find((line) => line.trimStart().startsWith(`${label} `))
    expect(row('·Par')).toMatch(/█.* ·Par +\.\d\d$/)
    expect(row('·capital')).toMatch(/█.* ·capit… (\.\d\d|1\.0)$/)
    expect(stdout).toContain('▸ ·Par\n')
    expect(stdout).toMatch(/came from +Paris \(1\) 0\.\d\d/)
  })

  test('shows vectors where a point is no map, and scores by their range', async () => {
    const vectors = await runCli([...own(), '--at', 'decoder.1.resid_post'])
    expect(vectors.stdout).toMatch(/^decoder\.1\.resid_post, passage 1\n.*\n {2}The +\d+\.\d\d {2}-?\d+\.\d\d /)
    const scores = await runCli([...own(), '--at', 'decoder.0.self_attention.scores'])
    expect(scores.stdout).toMatch(/· from -?\d+\.\d\d to █ \d+\.\d\d\n/)
  })

  test.each([
    ['a hook point that is not there', ['--at', 'decoder.0.cross_atention.prob'], '--at: no hook point matches "decoder.0.cross_atention.prob"; near: decoder.0.cross_attention.probs, '], // prettier-ignore
    ['a head that is not there', ['--head', '8'], '--head is 8, encoder.*.self_attention.probs has heads 0 to 7'],
    ['a head of what has none', ['--at', 'logits', '--head', '0'], '--head: logits is not of single heads'],
    ['a passage that is not there', ['--passage', '3'], '--passage is 3, 2 were found'],
    ['an unknown mode', ['--mode', 'best'], '--mode is "best"'],
  ])('called wrongly exits with 2: %s', async (_name, options, message) => {
    const { code, stdout, stderr } = await runCli([...own(), ...options])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`glassformer: ${message}`)
  })

  test('takes another encoder-decoder, and no decoder alone', async () => {
    const folder = (name: string, golden: string) =>
      writeSmallFolder(join(root, name), { golden, tokenizer: byteTokenizer })
    const small = ['trace', 'Ha?', '--passages', '-', '--mode', 'rag-token']
    const bart = await runCli([...small, '--reader', folder('bart', 'bart/base')], { input: 'Ba ca.\n' })
    expect(bart).toMatchObject({ code: 0, stderr: '' })
    expect(bart.stdout).toMatch(/^decoder\.0\.cross_attention\.probs, mean of \d+ heads, passage 1$/m)
    const llama = await runCli([...small, '--reader', folder('llama', 'llama/tied')], { input: 'Ba ca.\n' })
    expect(llama.code).toBe(2)
    expect(llama.stderr).toContain('--reader is a decoder-only model; trace is for encoder-decoders')
  })

  test('takes the passages of an index, and those alone that a filter leaves', async () => {
    const index = join(root, 'own.index')
    expect(await runCli(['index', corpus, '--out', index])).toMatchObject({ code: 0 })
    const stages = await stagesOf([...trace, '--index', index, '--filter', 'format=jsonl', '--json'])
    const found = stages.find(({ stage }) => stage === 'retrieval')!.passages!
    expect(found.map(({ title, source, scores }) => [title, source?.record, scores?.rrf])).toEqual([
      ['France', '1', 2 / 61],
      ['Japan', '2', 2 / 62],
    ])
    expect(stages.at(-1)!.answer!.text).toBe('The capital of France is Paris.')
    const none = await runCli([...trace, '--index', index, '--filter', 'format=pdf'])
    expect(none).toMatchObject({ code: 1, stdout: '' })
    expect(none.stderr).toContain('no document of the index matches')
  })

  test('--step prints all where there is no terminal', async () => {
    const [stepped, whole] = [await runCli([...own(), '--step']), await runCli(own())]
    expect(stepped).toEqual(whole)
  })

  test.skipIf(NO_TERMINAL !== undefined)(
    `--step stops for a key on a terminal${NO_TERMINAL ? ` (${NO_TERMINAL})` : ''}`,
    async () => {
      const presses = [
        ['Question: ', 'x\r'], // x means nothing
        ['Passages', ' '],
        ['The reader reads', 'q'],
      ]
      const { code, stdout } = await runCliOnTerminal([...own(), '--step'], {
        watch: (child, output) => {
          if (presses.length > 0 && output.includes(presses[0][0])) child.stdin!.write(presses.shift()![1])
        },
      })
      expect(code).toBe(0)
      expect(stdout).toContain('The reader reads passage 1')
      expect(stdout).not.toContain('encoder.0.self_attention')
    },
  )
})

describe('glassformer trace, where the answer is not the worded one', () => {
  const file = join(root, 'dogs.txt')
  beforeAll(() =>
    writeFileSync(file, 'Dogs travel free of charge when they are kept on a leash, but not on Sundays.\n'),
  )
  const tracing = (question: string) => ['trace', question, '--passages', file]

  test('a quote stands at the end, and the steps are those of the worded answer', async () => {
    const question = 'When do dogs not travel free?'
    const stages = await stagesOf([...tracing(question), '--json'])
    const [worded, { answer }] = [stages.at(-2)!.answer!, stages.at(-1)!]
    expect(answer).toMatchObject({ kind: 'quoted', tokens: [], judged: { quoted: answer!.probability } })
    const steps = stages.filter(({ stage }) => stage === 'step')
    expect(steps).toHaveLength(worded.tokens.length)
    expect(steps.length).toBeGreaterThan(0)
    for (const { values, point } of stages) if (point) expect(values![0].length, point).toBeGreaterThan(0)

    const { stdout } = await runCli(tracing(question))
    for (const line of stdout.split('\n')) expect(columnsOf(line), line).toBeLessThanOrEqual(80)
    expect(stdout).not.toContain('mean of 0 heads')
    const shown = stdout.slice(stdout.indexOf('\nQuotes: '))
    const { spans, passages, pNoAnswer } = answer!.quotes!
    expect(shown).toContain(`\n  1  ${passages[0].share.toFixed(3)} `)
    expect(shown).toMatch(new RegExp(`\\n  -  ${pNoAnswer.toFixed(3)} .* \\(no answer\\)\\n`))
    const scores = [spans[0].startScore, spans[0].endScore, spans[0].score].map((score) => score.toFixed(3).padStart(7))
    const more = `${spans[0].overlap.toFixed(3)}  ${spans[0].fit.toFixed(3).padStart(7)}`
    expect(shown).toContain(`\n  ${scores.join('  ')}  ${spans[0].probability.toFixed(3)}  ${more}  [1] `)
    expect(shown).toMatch(new RegExp(`\\n→ quoted   ${answer!.probability.toFixed(3)}  Dogs travel free .*…\\n`))
  })

  test('a refusal has both answers that were not given', async () => {
    const { stdout } = await runCli(tracing('Who wrote Hamlet?'))
    expect(stdout).toMatch(
      /\n {2}worded {3}0\.\d{3} {2}.+\n {2}quoted {3}0\.\d{3} {2}Dogs .+\n→ refused {9}I don't know\.\n/,
    )
  })
})

describe('a heat map', () => {
  test('has a row for each token, with what is greatest in it', () => {
    const map = {
      rows: ['a', 'bb'],
      columns: ['x', 'yz'],
      values: [[0.5, 0.01], [0, 0.3]], // prettier-ignore
    }
    expect(heatMap({ ...map, scale: 'share' }, 40)).toEqual([
      '   x y',
      '     z',
      ' a ██·· x       .50',
      'bb   ▓▓ yz      .30',
    ])
    expect(heatMap({ ...map, values: [[-2, 3], [-1e38, 0]], scale: 'range' }, 40).slice(2)).toEqual([
      ' a ··██ yz      3.0',
      'bb   ▒▒ yz      0.0',
    ]) // prettier-ignore
  })

  test('keeps within its width, whatever the labels are, and shows every cell once', () => {
    const random = new Random(2)
    const LABELS = ['·Paris', '北京', 'a', '👩‍👩‍👧', '·averylonglabel', ',', 'e\u0301']
    const labels = (count: number) => Array.from({ length: count }, () => random.pick(LABELS))
    for (const width of [40, 80, 120]) {
      for (const size of [1, 7, 30, 61, 150]) {
        const values = Array.from({ length: 3 }, () => Array.from({ length: size }, () => 0.6))
        const lines = heatMap({ rows: labels(3), columns: labels(size), values, scale: 'share' }, width)
        for (const line of lines) expect(columnsOf(line), line).toBeLessThanOrEqual(width)
        const cells = lines.join('').match(/█/g)!.length
        expect([3 * size, 6 * size]).toContain(cells)
      }
    }
  })
})
