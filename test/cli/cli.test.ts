import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeIndex, FlatFileStore, parseCorpus, type Answer, type Passage } from '../../src/rag/index.js'
import { inflatingPdf } from '../documents/hostile.js'
import { NO_TERMINAL, runCli, runCliOnTerminal } from '../support/cli.js'
import { goldenPath } from '../support/goldens.js'
import { weightsPath, WORLD_FACTS } from '../support/weights.js'

const QUESTION = 'What is the capital of France?'
const ANSWER = 'The capital of France is Paris.'
const ESCAPE = '\u001b'
const CORPUS = ['France is a country in Europe. Its capital is Paris.', 'Tea is a drink made of leaves.']
  .map((text, i) => JSON.stringify({ id: `own-${i}`, title: ['France', 'Tea'][i], text }))
  .join('\n')

let folder: string
const inFolder = (name: string, content?: string | Uint8Array) => {
  const path = join(folder, name)
  if (content !== undefined) writeFileSync(path, content)
  return path
}
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'glassformer-'))))
afterAll(() => rmSync(folder, { recursive: true }))

describe('glassformer', () => {
  test('--help lists every command, and each has its own help', async () => {
    const { code, stdout, stderr } = await runCli(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const [command, options] of Object.entries({
      ask: [
        '--passages FILE',
        '--index FILE',
        '--store URL',
        '--vectors-only',
        '--rerank MODEL',
        '--filter KEY=VALUE',
        '--top-k N',
        '--mode MODE',
        '--min-probability P',
        '--reader MODEL',
        '--show',
        '--explain',
        '--json',
      ],
      trace: ['--passages FILE', '--passage N', '--at HOOK', '--head N', '--step', '--json'],
      generate: ['--chat', '--max-new-tokens N', '--temperature T', '--top-k N', '--top-p P', '--seed N', '--beams N'],
      embed: ['--pooling MODE', '--normalize', '--truncate', '--json'],
      rerank: ['--passages FILE', '--top-k N', '--json'],
      download: ['--revision REVISION', '--cache DIR'],
      chat: [
        '--index FILE',
        '--reader MODEL',
        '--filter KEY=VALUE',
        '--top-k N',
        '--min-probability P',
        '--max-new-tokens N',
        '--show',
      ],
      serve: [
        '--index FILE',
        '--reader MODEL',
        '--min-probability P',
        '--port N',
        '--host ADDRESS',
        '--timeout SECONDS',
        '--queue N',
      ],
      explore: ['--port N', '--no-open'],
      index: [
        '--out FILE',
        '--store URL',
        '--schema NAME',
        '--dtype DTYPE',
        '--max-tokens N',
        '--overlap N',
        '--parse-seconds N',
        '--parse-megabytes N',
      ],
      inspect: ['--json'],
      tokens: ['--model MODEL', '--json'],
    })) {
      expect(stdout).toContain(`\n  ${command} `)
      const help = await runCli([command, '--help'])
      expect(help).toMatchObject({ code: 0, stderr: '' })
      expect(help.stdout).toContain(`Usage: glassformer ${command} `)
      for (const option of [...options, '--help']) expect(help.stdout, command).toContain(`\n  ${option}`)
    }
  })

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test.each([
    ['no command', [], 'a command is missing'],
    ['an unknown command', ['answer'], 'unknown command "answer"'],
    ['an unknown option', ['ask', QUESTION, '--fast'], "Unknown option '--fast'"],
    ['an unknown option of the program', ['--fast'], 'unknown command "--fast"'],
    ['no question', ['ask'], 'QUESTION is missing'],
    ['an empty question', ['ask', ' '], 'QUESTION is empty'],
    ['a question without quotes', ['ask', 'What', 'is'], 'unexpected argument "is" (quote a text of several words)'],
    ['an option without its value', ['ask', QUESTION, '--passages'], "Option '--passages <value>' argument missing"],
    ['--top-k 0', ['ask', QUESTION, '--top-k', '0'], '--top-k is "0", expected a whole number of 1 or more'],
    ['--top-k many', ['ask', QUESTION, '--top-k', 'many'], '--top-k is "many"'],
    ['an unknown mode', ['ask', QUESTION, '--mode', 'best'], '--mode is "best", expected one of conditioned,'],
    ['index and passages together', ['ask', QUESTION, '--index', 'i', '--passages', 'p'], '--index and --passages'],
    ['a filter without an index', ['ask', QUESTION, '--filter', 'a=b'], '--filter is for --index'],
    [
      'a filter that is none',
      ['ask', QUESTION, '--index', 'i', '--filter', '=b'],
      '--filter is "=b", expected KEY=VALUE',
    ],
    ['an encoder without an index', ['ask', QUESTION, '--encoder', 'e'], '--encoder is for --index or --store'],
    [
      'a pooling of the own encoder',
      ['index', 'c.jsonl', '--out', 'o', '--pooling', 'cls'],
      '--pooling is for --encoder',
    ],
    [
      'a kind of file that is not read',
      ['index', '.', '--out', 'o', '--types', 'md,docx'],
      '--types: "docx" is not read',
    ],
    ['index without --out', ['index', 'corpus.jsonl'], '--out FILE is missing'],
    [
      'an unknown dtype',
      ['index', 'c.jsonl', '--out', 'o', '--dtype', 'int4'],
      '--dtype is "int4", expected one of float32',
    ],
  ])('called wrongly exits with 2: %s', async (_name, args, message) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`glassformer: ${message}`)
    expect(stderr).toContain('"glassformer --help" shows how it is used')
  })

  test.each([
    [
      'a passage file that is not there',
      ['ask', QUESTION, '--passages', '/no/such/file'],
      '/no/such/file: cannot be read',
    ],
    [
      'a passage file that is not text',
      ['ask', QUESTION, '--passages', weightsPath('world-facts/index.bin')],
      'not valid UTF-8 text',
    ],
    ['a corpus that is not there', ['index', '/no/such/file', '--out', 'o'], '/no/such/file: cannot be read'],
    ['a folder that is no model', ['inspect', '/no/such/folder'], '/no/such/folder: there is no config.json'],
    ['a folder without tokenizer', ['tokens', 'x', '--model', '/no/such/folder'], 'there is no tokenizer.json'],
  ])('that fails exits with 1 and one line: %s', async (_name, args, message) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^glassformer: .*\n$/)
    expect(stderr).toContain(message)
  })
})

describe('glassformer ask', () => {
  test('answers from the corpus, with the passages behind the answer', async () => {
    const { code, stdout, stderr } = await runCli(['ask', QUESTION])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^The capital of France is Paris\.\n\nRight with probability [01]\.\d{3}\.\nFrom, with the probability .*:\n {2}\[1\] [01]\.\d{3} {2}France: /,
    )
    expect(stdout.match(/^ {2}\[\d\]/gm)).toHaveLength(5)
    expect(stdout).not.toContain(ESCAPE)
  })

  test('--json prints the whole answer', async () => {
    const { code, stdout, stderr } = await runCli(['ask', QUESTION, '--json', '--top-k', '2', '--mode', 'rag-token'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const answer = JSON.parse(stdout) as Answer
    expect(answer).toMatchObject({ question: QUESTION, text: ANSWER, mode: 'rag-token' })
    expect(answer.passages).toHaveLength(2)
    expect(answer.tokens.map(({ text }) => text).join('')).toBe(ANSWER)
  })

  test('--passages FILE answers from JSON lines, - from standard input, and plain text has a passage on each line', async () => {
    const jsonLines = await runCli(['ask', QUESTION, '--passages', inFolder('own.jsonl', CORPUS), '--json'])
    const plain = await runCli(['ask', QUESTION, '--passages', '-', '--json'], {
      input: `\n${parseCorpus(CORPUS, 'own')
        .map(({ text }) => text)
        .join('\r\n\n')}\n`,
    })
    const [first, second] = [jsonLines, plain].map(({ stdout }) => JSON.parse(stdout) as Answer)
    expect(first.text).toBe(ANSWER)
    expect(first.passages.map(({ id, title }) => [id, title])).toEqual([['own-0', 'France'], ['own-1', 'Tea']]) // prettier-ignore
    expect(second.text).toBe(ANSWER)
    expect(second.passages.map(({ id, title }) => [id, title])).toEqual([['1', ''], ['2', '']]) // prettier-ignore
  })

  test('without passages on standard input exits with 1', async () => {
    const { code, stderr } = await runCli(['ask', QUESTION, '--passages', '-'], { input: ' \n' })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'glassformer: standard input: there are no passages; give at least one\n',
    })
  })
})

describe('glassformer index', () => {
  const dimension = 384

  test.each(['float32', 'int8'] as const)('writes an index of %s that answers', async (dtype) => {
    const corpus = inFolder('corpus.jsonl', CORPUS)
    const out = inFolder(`${dtype}.index`)
    const { code, stdout, stderr } = await runCli(['index', corpus, '--out', out, '--dtype', dtype])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${out}: 2 passages, ${dimension} dimensions, ${dtype}; documents: 2 embedded, 0 unchanged, 0 removed\n`,
      stderr: '',
    })
    const answer = await runCli(['ask', QUESTION, '--index', out, '--json'])
    const { text, passages } = JSON.parse(answer.stdout) as Answer
    expect(text).toBe(ANSWER)
    expect(passages[0]).toMatchObject({
      id: `${corpus}#own-0#1`,
      title: 'France',
      source: { file: corpus, record: 'own-0' },
      metadata: { format: 'jsonl' },
    })
  })

  test('of the first passages of world-facts has the vectors that come with the package', async () => {
    const lines = readFileSync(weightsPath('world-facts/passages.jsonl'), 'utf8').split('\n').slice(0, 5)
    const out = inFolder('first.index')
    await runCli(['index', inFolder('first.jsonl', lines.join('\n')), '--out', out])
    const { index } = decodeIndex(new Uint8Array(readFileSync(weightsPath('world-facts/index.bin'))), 'index.bin')
    expect(index.count).toBe(WORLD_FACTS.length)
    const store = await FlatFileStore.open(out)
    for (const [i, line] of lines.entries()) {
      const vector = Float32Array.from(index.vectors.subarray(i * dimension, (i + 1) * dimension))
      const [[hit]] = await store.search([vector], 1)
      expect(hit.text).toBe((JSON.parse(line) as Passage).text)
      expect(Math.abs(hit.score - 1)).toBeLessThanOrEqual(1e-5)
    }
    await store.close()
  })

  test('takes folders, says what it skipped, and does only what is to be done when it comes again', async () => {
    const notes = inFolder('notes')
    mkdirSync(join(notes, 'sub'), { recursive: true })
    writeFileSync(join(notes, 'arlen.md'), '# Arlen\n\nArlen is a country in Europe. Its capital is **Brask**.')
    writeFileSync(join(notes, 'sub/tea.txt'), 'Tea is a drink made of leaves.')
    writeFileSync(join(notes, 'bad.txt'), Uint8Array.of(0xff))
    writeFileSync(join(notes, 'slow.md'), '>'.repeat(100_000))
    const out = inFolder('notes.index')
    const first = await runCli(['index', notes, '--out', out, '--parse-seconds', '5'])
    expect(first).toMatchObject({
      code: 1,
      stderr:
        `skipped: ${notes}/bad.txt: not valid UTF-8 text; save it as UTF-8\n` +
        `skipped: ${notes}/slow.md: given up, since reading it as markdown takes more than 5 s; split it or raise the limit\n`,
    })
    expect(first.stdout).toContain(
      '2 passages, 384 dimensions, float32; documents: 2 embedded, 0 unchanged, 0 removed; 2 files skipped\n',
    )
    rmSync(join(notes, 'sub'), { recursive: true })
    rmSync(join(notes, 'bad.txt'))
    rmSync(join(notes, 'slow.md'))
    const second = await runCli(['index', notes, '--out', out])
    expect(second.code).toBe(0)
    expect(second.stdout).toContain('1 passage, 384 dimensions, float32; documents: 0 embedded, 1 unchanged, 1 removed')

    const asked = await runCli([
      'ask',
      'What is the capital of Arlen?',
      '--index',
      out,
      '--filter',
      'format=markdown',
      '--show',
    ])
    expect(asked.stdout).toContain('The capital of Arlen is Brask.')
    expect(asked.stdout).toMatch(
      /\[1\] posterior 1\.000 {2}score 0\.\d{3} .*prior 1\.000 {2}pAbstain 0\.\d{3} {2}\S+arlen\.md, characters 9 to 64\n/,
    )
    const nothing = await runCli(['ask', QUESTION, '--index', out, '--filter', 'format=pdf', '--filter', 'format=html'])
    expect(nothing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no document of the index matches') as string,
    })
  })

  test('with another encoder remembers it, and ask finds it again or says how to give it', async () => {
    const place = inFolder('encoder')
    mkdirSync(place)
    for (const file of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      symlinkSync(weightsPath(`all-MiniLM-L6-v2/${file}`), join(place, file))
    }
    const out = inFolder('encoder.index')
    const index = ['index', inFolder('encoder.jsonl', CORPUS), '--out', out]
    const made = await runCli([...index, '--encoder', place, '--pooling', 'cls', '--normalize'])
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const ask = ['ask', QUESTION, '--index', out]
    expect((await runCli(ask)).stdout).toContain(ANSWER)
    const otherwise = await runCli(index)
    expect(otherwise).toMatchObject({ code: 1, stdout: '' })
    expect(otherwise.stderr).toMatch(/the index was made by encoder of "\S+" \(\w+, cls pooling, normalised\), questions .*all-MiniLM-L6-v2 \(\w+, mean/) // prettier-ignore

    const reader = await FlatFileStore.open(out)
    const remembered = reader.encoder
    await reader.close()
    const moved = join(folder, 'moved')
    renameSync(place, moved)
    const lost = await runCli(ask)
    expect(lost).toMatchObject({ code: 1, stdout: '' })
    expect(lost.stderr).toContain(`made by encoder of ${JSON.stringify(place)}, which cannot be loaded`)
    expect(lost.stderr).toContain('say where it is: --encoder FOLDER or org/name')
    expect((await runCli([...ask, '--encoder', moved])).stdout).toContain(ANSWER)

    const store = await FlatFileStore.openForWriting(out, { dimension, encoder: { ...remembered, location: 'http://127.0.0.1:9/x' } }) // prettier-ignore
    await store.upsert({ id: 'a', hash: 'h', passages: [] })
    await store.close()
    expect((await runCli(ask)).stderr).toContain('"http://127.0.0.1:9/x", which is not on this machine')
  })

  test('reads JSON lines from standard input', async () => {
    const out = inFolder('stdin.index')
    const { code, stdout } = await runCli(['index', '-', '--out', out], { input: CORPUS })
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('2 passages') as string })
  })

  test('that fails leaves what was there as it was', async () => {
    const out = inFolder('kept.index')
    await runCli(['index', inFolder('kept.jsonl', CORPUS), '--out', out])
    const before = readFileSync(out)
    const broken = inFolder('broken.jsonl', `${CORPUS}\n{"id":"own-0","text":"again"}`)
    const { code, stderr } = await runCli(['index', broken, '--out', out])
    expect(code).toBe(1)
    expect(stderr).toBe(`glassformer: ${broken}: the id "own-0" occurs twice\n`)
    expect(readFileSync(out)).toEqual(before)

    const other = inFolder('other.index', 'no index')
    expect(await runCli(['index', broken, '--out', other])).toMatchObject({ code: 1, stdout: '' })
    expect(readFileSync(other, 'utf8')).toBe('no index')
    expect(readdirSync(folder).filter((name) => /partial|journal/.test(name))).toEqual([])
  })

  test('of files without passages is refused', async () => {
    const empty = inFolder('empty.txt', ' ')
    const out = inFolder('empty.index')
    const { code, stderr } = await runCli(['index', empty, '--out', out])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `glassformer: ${empty}: there are no passages; give at least one\n`,
    })
    expect(readdirSync(folder).filter((name) => name.startsWith('empty.index'))).toEqual([])
  })

  test('finds out that it cannot write before it embeds anything', async () => {
    const out = join(folder, 'no', 'such', 'folder', 'my.index')
    const { code, stderr } = await runCli(['index', weightsPath('world-facts/passages.jsonl'), '--out', out])
    expect(code).toBe(1)
    expect(stderr).toContain(`glassformer: ${out}: cannot be written`)
  })
})

describe('glassformer inspect', () => {
  test('shows family, config and tensors', async () => {
    const { code, stdout, stderr } = await runCli(['inspect', weightsPath('reader')])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^family {6}t5\n/)
    expect(stdout).toMatch(/^parameters {2}[\d,]+ in \d+ tensors$/m)
    expect(stdout).toMatch(/^ {2}feed_forward_proj: "gated-gelu"$/m)
    expect(stdout).toMatch(/^ {2}shared\.weight +float16 +\[\d+, \d+\]$/m)
    expect(stdout).not.toContain(ESCAPE)
  })

  test('--json counts the same, also in shards', async () => {
    const { code, stdout } = await runCli(['inspect', goldenPath('safetensors/sharded-bf16'), '--json'])
    expect(code).toBe(0)
    const shown = JSON.parse(stdout) as {
      parameters: number
      tensors: { name: string; dtype: string; shape: number[] }[]
    }
    expect(shown).toMatchObject({ family: 'bert', supported: true, config: { model_type: 'bert' } })
    const counted = shown.tensors.reduce((sum, { shape }) => sum + shape.reduce((size, n) => size * n, 1), 0)
    expect(shown.parameters).toBe(counted)
    expect(shown.tensors).toContainEqual({ name: 'pooler.dense.bias', dtype: 'bfloat16', shape: [32] })
  })

  test('of weights that are cut says so', async () => {
    inFolder('config.json', '{"model_type":"bert"}')
    const weights = readFileSync(goldenPath('bert/base/model.safetensors'))
    inFolder('model.safetensors', new Uint8Array(weights.subarray(0, weights.length - 10)))
    const { code, stderr } = await runCli(['inspect', folder])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^glassformer: .*model\.safetensors: the tensors need \d+ bytes, the file has \d+; download it again\n$/,
    )
  })
})

describe('glassformer tokens', () => {
  test('shows ids and tokens', async () => {
    const { code, stdout } = await runCli(['tokens', 'hello world', '--model', weightsPath('all-MiniLM-L6-v2')])
    expect(code).toBe(0)
    expect(stdout).toBe('   101  [CLS]\n  7592  hello\n  2088  world\n   102  [SEP]\n4 tokens\n')
  })
  test('--json prints the encoding', async () => {
    const { stdout } = await runCli(['tokens', 'hello', '--json', '--model', weightsPath('all-MiniLM-L6-v2')])
    expect(JSON.parse(stdout)).toEqual({
      ids: [101, 7592, 102],
      tokens: ['[CLS]', 'hello', '[SEP]'],
      typeIds: [0, 0, 0],
    })
  })
})

describe.skipIf(NO_TERMINAL !== undefined)(`on a terminal${NO_TERMINAL ? ` (${NO_TERMINAL})` : ''}`, () => {
  const ask = ['ask', QUESTION, '--top-k', '1']

  test('there are colours and a progress bar, which is gone in the end', async () => {
    const { code, stdout } = await runCliOnTerminal(ask)
    expect(code).toBe(0)
    expect(stdout).toContain(`${ESCAPE}[1m${ANSWER}${ESCAPE}[0m`)
    expect(stdout).toMatch(/reader █+░* \d+\/\d+/)
    expect(lastScreen(stdout)).not.toMatch(/[█░]/)
  })

  test('NO_COLOR is heeded', async () => {
    const { stdout } = await runCliOnTerminal(ask, { env: { NO_COLOR: '1' } })
    expect(stdout).toContain(ANSWER)
    expect(stdout).not.toContain(ESCAPE)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends the parsing of a file', async (signal) => {
    const file = inFolder('slow.pdf', inflatingPdf(100e6, 'letters')) // takes ten seconds and more
    const out = inFolder(`${signal}.index`)
    const { code, stderr } = await runCli(['index', file, '--out', out, '--parse-seconds', '3600'], {
      watch: (child) => {
        const looking = setInterval(() => {
          if (!readdirSync(folder).includes(`${signal}.index.lock`)) return // a link that leads nowhere
          clearInterval(looking)
          setTimeout(() => child.kill(signal), 1000)
        }, 50)
        child.once('exit', () => clearInterval(looking))
      },
    })
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'glassformer: the parsing was cancelled\n' })
  })

  test('Ctrl-C stops an index that is being built; the same command goes on from there', async () => {
    const lines = Array.from({ length: 400 }, (_, i) => JSON.stringify({ text: `Number ${i}.` }))
    const corpus = inFolder('half.jsonl', lines.join('\n'))
    const command = ['index', corpus, '--out', inFolder('stopped.index')]
    let pressed = false
    const { code, stdout } = await runCliOnTerminal(command, {
      watch: (child, output) => {
        if (pressed || !/embedding [█░]+ [7-9]\d %, \d+:\d\d left/.test(output)) return
        pressed = true
        child.stdin!.write('\u0003')
      },
    })
    expect(pressed).toBe(true)
    expect(code).toBe(1)
    expect(lastScreen(stdout)).toMatch(/glassformer: the [\w ]+ was cancelled/) // wherever it was
    expect(lastScreen(stdout)).not.toMatch(/[█░]/)
    expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual(['stopped.index.journal'])
    const again = await runCli(command)
    const [, embedded, unchanged] = /documents: (\d+) embedded, (\d+) unchanged/.exec(again.stdout)!.map(Number)
    expect(embedded + unchanged).toBe(400)
    expect(unchanged).toBeGreaterThanOrEqual(256)
    expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual(['stopped.index'])
  })
})

/** What stands in the lines after the program has ended: each carriage return writes over the line from its beginning. */
function lastScreen(output: string): string {
  const lines = output.split('\n').map((line) =>
    line
      .replace(/\r$/, '')
      .split('\r')
      .reduce((shown, part) => part + shown.slice(part.length), ''),
  )
  return lines.join('\n')
}
