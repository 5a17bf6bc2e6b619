/**
 * The explorer's engine in a real page: the built worker behind the built client, served by the program that users start, and as the static
 * folder with 8-bit models. What the page does with it is tested in the other explorer tests.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startExplorerServer, type ExplorerServer } from '../../src/cli/explorer-server.js'
import { Rag, Reader, type QuotingReader } from '../../src/rag/index.js'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import { record } from '../../src/trace/index.js'
import type { Scene } from '../../web/protocol.js'
import { weightsPath } from '../support/weights.js'
import { launchChromium } from './chromium.js'
import type { asked as askedOfPage } from './explorer-engine.js'
import { startServer, type TestServer } from './server.js'

declare global {
  /** What explorer-engine.ts puts there; for the functions that run in the page. */
  const asked: typeof askedOfPage
}

const FRANCE = { id: 'fr', title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const TEA = { id: 'tea', title: 'Tea', text: 'Tea is a drink made of leaves.' }
const CORPUS: Scene = {
  question: 'What is the capital of France?',
  passages: undefined,
  served: false,
  topK: 5,
  mode: 'conditioned',
  dropped: [],
  scores: {},
  ablated: [],
}
/** The seed's own example. */
const SEED: Scene = { ...CORPUS, passages: [FRANCE, TEA] }
const ANSWER = 'The capital of France is Paris.'
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:"

let browser: Browser
let script: string
let server: ExplorerServer

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('explorer-engine.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
  })
  script = bundled.outputFiles[0].text
  browser = await launchChromium()
  server = await startExplorerServer(0)
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

/** An empty page of that address, with explorer-engine.ts loaded, and what goes wrong in it. */
async function openPage(address: string, isolated: boolean): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  await page.route('**/empty', (route) =>
    route.fulfill({
      contentType: 'text/html',
      headers: { 'Content-Security-Policy': POLICY, ...(isolated ? ISOLATION : {}) },
      body: '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/asked.js"></script>',
    }),
  )
  await page.route('**/asked.js', (route) => route.fulfill({ contentType: 'text/javascript', body: script }))
  await page.goto(`${address}empty`)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated)
  return { page, problems }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

describe('the engine in a page', () => {
  let page: Page
  let problems: string[]
  let loaded: Awaited<ReturnType<typeof askedOfPage.start>>
  const walk = (scene: Scene) => page.evaluate((given) => asked.walk(given), scene)

  beforeAll(async () => {
    ;({ page, problems } = await openPage(server.address, true))
    loaded = await page.evaluate(() => asked.start())
  })
  afterAll(async () => {
    await page?.close()
    expect(problems).toEqual([])
  })

  test('loads the default models, and says how far it is', () => {
    const { info, progress } = loaded
    expect(info.reader).toMatchObject({ family: 't5', dModel: 256, numHeads: 8, headDim: 32, vocabSize: 4096 })
    expect(info.reader.parameters).toBeGreaterThan(6e6)
    expect(info.reader.attentions.map(({ name }) => name)).toEqual([
      'encoder.0.self_attention',
      'encoder.1.self_attention',
      'encoder.2.self_attention',
      'encoder.3.self_attention',
      'decoder.0.self_attention',
      'decoder.0.cross_attention',
      'decoder.1.self_attention',
      'decoder.1.cross_attention',
    ])
    expect(info.corpus.passages).toBe(3324)
    expect(info.encoder).toEqual({ name: 'all-MiniLM-L6-v2', dimension: 384, numLayers: 6 })
    const downloads = progress.filter(({ what }) => what.startsWith('Downloading'))
    expect(downloads.at(-1)!.done).toBe(downloads.at(-1)!.total)
    downloads.slice(1).forEach(({ done }, i) => expect(done).toBeGreaterThanOrEqual(downloads[i].done))
  })

  test('the opening example is answered from the corpus, and every number on the way adds up', async () => {
    const { walk: walked, writing } = await walk(CORPUS)
    const { answer, steps } = walked
    expect(answer.text).toBe(ANSWER)
    expect(writing.at(-1)).toBe(answer.passages[0].answer)
    expect(walked.allScores).toHaveLength(3324)
    expect(walked.ranking).toHaveLength(200)
    expect(walked.ranking.slice(0, 5).map(({ id }) => id)).toEqual(answer.passages.map(({ id }) => id))
    for (const { vector, score } of walked.ranking.slice(0, 20)) {
      expect(sum(vector!.map((value, i) => value * walked.questionVector[i]))).toBeCloseTo(score, 5)
    }
    const scaled = answer.passages.map(({ score }) => Math.exp(walked.scoreScale * score))
    answer.passages.forEach(({ prior }, z) => expect(prior).toBeCloseTo(scaled[z] / sum(scaled), 10))
    expect(steps).toHaveLength(answer.tokens.length)
    steps.forEach(({ chosen, passages, mixture, cache }, t) => {
      expect(sum(passages.map(({ weight }) => weight))).toBeCloseTo(1, 10)
      expect(sum(passages.map(({ weight, chosen }) => weight * chosen))).toBeCloseTo(chosen.probability, 5)
      expect(mixture).toHaveLength(10)
      expect(chosen.probability).toBeCloseTo(Math.exp(answer.tokens[t].logProb), 10)
      expect(cache).toMatchObject({ held: t, added: 1 })
    })
    expect(walked.target.slice(1).map(({ text }) => text).join('')).toBe(ANSWER) // prettier-ignore
    expect(answer.tokens.flatMap(({ sources }) => sources ?? []).length).toBeGreaterThan(0)
  })

  test('tokens say where they stand in title, text and question', async () => {
    const { walk: walked } = await walk(SEED)
    const slices = walked.sources[0].map(({ part, start, end }) => {
      const whole = { title: FRANCE.title, text: FRANCE.text, question: SEED.question, answer: '', mark: '' }[part]
      return [part, whole.slice(start, end)]
    })
    const joined = (wanted: string) => slices.filter(([part]) => part === wanted).map(([, slice]) => slice).join('|') // prettier-ignore
    expect(joined('title')).toBe('Fran|ce')
    expect(joined('text').replaceAll('|', '')).toBe(FRANCE.text.replaceAll(' ', ''))
    expect(joined('question')).toBe('What|is|the|capital|of|France|?')
    expect(walked.questionTokens.map(({ text }) => text)).toEqual(
      '[CLS] what is the capital of france ? [SEP]'.split(' '),
    )
  })

  test('each mode mixes by its own weights', async () => {
    const scene = { ...CORPUS, topK: 3 }
    const token = (await walk({ ...scene, mode: 'rag-token' })).walk
    for (const { passages } of token.steps) {
      passages.forEach(({ weight }, z) => expect(weight).toBeCloseTo(token.answer.passages[z].prior, 10))
    }
    for (const mode of ['rag-sequence', 'conditioned'] as const) {
      const { steps, answer } = (await walk({ ...scene, mode })).walk
      steps.slice(1).forEach(({ passages }, t) => {
        expect(passages.map(({ weight }) => weight)).toEqual(answer.tokens[t].posterior)
      })
    }
  })

  test('passages are left out, scores replaced, heads taken out', async () => {
    const whole = (await walk(SEED)).walk.answer
    expect(whole.passages.map(({ id }) => id)).toEqual(['fr', 'tea'])
    const without = (await walk({ ...SEED, dropped: ['fr'] })).walk.answer
    expect(without.passages.map(({ id }) => id)).toEqual(['tea'])
    expect(without.text).not.toBe(ANSWER)
    const raised = (await walk({ ...SEED, scores: { tea: 1 } })).walk.answer
    expect(raised.passages[0]).toMatchObject({ id: 'tea', score: 1 })
    const ablated = { attention: 'decoder.1.cross_attention', head: 0 }
    const changed = (await walk({ ...SEED, ablated: [ablated] })).walk.answer
    expect(changed.logProb).not.toBeCloseTo(whole.logProb, 4)
    expect(
      await page.evaluate((given) => asked.failing.walk(given), { ...SEED, dropped: ['fr', 'tea'] }),
    ).toMatchObject({ name: 'InputError', code: 'no-passages', isError: true })
  })

  test('rows of attention sum to 1, and a cell has the numbers that a recording in Node has', async () => {
    const { answer, sources, target } = (await walk(SEED)).walk
    const reader = await Reader.fromPretrained(weightsPath('reader'))
    const { trace } = await record(
      async (hooks) => {
        const reading = await reader.read(SEED.question, answer.passages, { hooks })
        await reading.logProbs(
          answer.tokens.map(({ id }) => id),
          { hooks },
        )
      },
      ['*_attention.*', '*.position_bias'],
    )
    reader.dispose()
    for (const { name, stack, kind } of loaded.info.reader.attentions) {
      const map = await page.evaluate(([attention]) => asked.attention(attention, 0), [name] as const)
      const keys = map.keys.length
      expect(map.keys).toEqual(kind === 'self' && stack === 'decoder' ? target : sources[0])
      expect(map.queries).toEqual(stack === 'decoder' ? target : sources[0])
      for (let row = 0; row < map.probs.length / keys; row++) {
        expect(sum(map.probs.slice(row * keys, (row + 1) * keys)), `${name}, row ${row}`).toBeCloseTo(1, 5)
      }

      const [head, query, key] = [3, map.queries.length - 2, 2]
      const at = { attention: name, passage: 0, head, query, key }
      const cell = await page.evaluate((given) => asked.cell(given), at)
      const recorded = (point: string, row: number) =>
        trace.get(`${name}.${point}`)![0].row(0).select(0, head).select(0, row).toArray()
      for (const [got, wanted] of [
        [cell.q, recorded('q', query)],
        [cell.k, recorded('k', key)],
        [cell.v, recorded('v', key)],
        [cell.rowScores, recorded('scores', query).slice(0, keys)],
        [cell.rowProbs, recorded('probs', query).slice(0, keys)],
        [cell.context, recorded('context', query)],
      ]) {
        expect(got).toHaveLength(wanted.length)
        got.forEach((value, i) => expect(value / Math.max(1, Math.abs(wanted[i]))).toBeCloseTo(wanted[i] / Math.max(1, Math.abs(wanted[i])), 4)) // prettier-ignore
      }

      expect(cell.dot).toBeCloseTo(sum(cell.q.map((value, i) => value * cell.k[i])), 6)
      expect(cell.dot * cell.scale + cell.bias).toBeCloseTo(cell.score, 4)
      const most = Math.max(...cell.rowScores)
      const shares = cell.rowScores.map((score) => Math.exp(score - most))
      expect(cell.prob).toBeCloseTo(shares[key] / sum(shares), 5)
      expect(cell.prob).toBe(map.probs[(head * map.queries.length + query) * keys + key])
      cell.weighted.forEach((value, i) => expect(value).toBeCloseTo(cell.prob * cell.v[i], 6))
    }
    const hidden = await page.evaluate((given) => asked.cell(given), {
      ...{ attention: 'decoder.0.self_attention', passage: 0, head: 0, query: 1, key: 2 },
    })
    expect(hidden).toMatchObject({ bias: -Infinity, prob: 0 })
  })

  test('values weighted by a row sum to its context', async () => {
    await walk(SEED)
    const place = { attention: 'decoder.1.cross_attention', passage: 0, head: 1, query: 3 }
    const first = await page.evaluate((given) => asked.cell(given), { ...place, key: 0 })
    const total = first.context.map(() => 0)
    for (let key = 0; key < first.rowProbs.length; key++) {
      const { weighted } = await page.evaluate((given) => asked.cell(given), { ...place, key })
      weighted.forEach((value, i) => (total[i] += value))
    }
    total.forEach((value, i) => expect(value).toBeCloseTo(first.context[i], 4))
  })

  test('the span reader is fetched when it is asked for, and has the numbers that it has in Node', async () => {
    const { answer } = (await walk(SEED)).walk
    const { quoting, progress } = await page.evaluate(() => asked.quoting())
    expect(new Set(progress.map(({ what }) => what))).toEqual(
      new Set(['Downloading the span reader', 'Loading the span reader']),
    )
    const rag = await Rag.fromPretrained(weightsPath())
    const asks = await rag.ask(SEED.question, { passages: SEED.passages, topK: SEED.topK })
    expect(quoting.given).toMatchObject({ kind: asks.kind, text: asks.text })
    expect(quoting.given!.judged.said).toBeCloseTo(asks.judged!.said, 4)
    expect(quoting.given!.judged.quoted).toBeCloseTo(asks.judged!.quoted, 4)
    const { quotes } = quoting
    expect(quotes.text).toBe(asks.quotes!.text)
    expect(quotes.pNoAnswer).toBeCloseTo(asks.quotes!.pNoAnswer, 4)
    expect(quotes.spans.map(({ text, passage }) => [text, passage])).toEqual(
      asks.quotes!.spans.map(({ text, passage }) => [text, passage]),
    )
    quotes.spans.forEach(({ score }, i) => expect(score).toBeCloseTo(asks.quotes!.spans[i].score, 3))
    expect(sum(quotes.passages.map(({ share }) => share)) + quotes.pNoAnswer).toBeCloseTo(1, 6)

    const { quoting: spanReader } = rag.reader as QuotingReader
    const [reading] = quoting.readings
    const texts = reading.tokens.slice(reading.first, -1)
    expect(texts.map(({ start, end }) => FRANCE.text.slice(start, end)).join(' ')).toBe('France is a country in Europe . Its capital is Paris .') // prettier-ignore
    expect(reading.starts).toHaveLength(texts.length)
    const [best] = quotes.spans
    const own = quoting.readings[best.passage]
    const at = (place: 'start' | 'end') => own.tokens.slice(own.first).findIndex((token) => token.part === 'text' && token[place] === best[place]) // prettier-ignore
    expect(own.starts[at('start')] + own.ends[at('end')]).toBeCloseTo(best.score, 6)

    const tokens = spanReader.tokenizer.encode(SEED.question, { pair: `${FRANCE.title}. ${FRANCE.text}` })
    expect(reading.tokens.map(({ id }) => id)).toEqual(tokens.ids)
    expect(answer.passages[0].id).toBe(FRANCE.id)
    const name = 'encoder.5.self_attention'
    const { trace } = await record(
      (hooks) => spanReader.model.forward({ inputIds: [tokens.ids], tokenTypeIds: [tokens.typeIds] }, { hooks }),
      [`${name}.*`],
    )
    const map = await page.evaluate((attention) => asked.spanAttention(attention, 0), name)
    const cell = await page.evaluate((given) => asked.spanCell(given), { attention: name, passage: 0, head: 11, query: 4, key: 2 }) // prettier-ignore
    rag.dispose()
    expect(map).toMatchObject({ numHeads: 12, keys: reading.tokens, queries: reading.tokens })
    const recorded = (point: string, row: number) => trace.get(`${name}.${point}`)![0].row(0).select(0, 11).select(0, row).toArray() // prettier-ignore
    cell.q.forEach((value, i) => expect(value).toBeCloseTo(recorded('q', 4)[i] as number, 4))
    cell.rowProbs.forEach((value, i) => expect(value).toBeCloseTo(recorded('probs', 4)[i] as number, 5))
    expect(cell.dot * cell.scale).toBeCloseTo(cell.score, 4)
    expect(await page.evaluate(() => asked.failing.spanAttention('decoder.0.self_attention', 0)))
      .toMatchObject({ code: 'unknown-attention' }) // prettier-ignore
  })

  test('the modes of the paper quote nothing, and the spans are there all the same', async () => {
    await walk({ ...SEED, mode: 'rag-token' })
    const { quoting } = await page.evaluate(() => asked.quoting())
    expect(quoting.given).toBeUndefined()
    expect(quoting.quotes.spans.length).toBeGreaterThan(0)
  })

  test('an ablation of nothing changes nothing, one of a head does', async () => {
    await walk(SEED)
    const nothing = await page.evaluate(() => asked.ablation([]))
    expect(nothing.text).toBe(ANSWER)
    for (const { before, after } of nothing.tokens) expect(after).toBe(before)
    const heads = Array.from({ length: 8 }, (_, head) => ({ attention: 'decoder.1.cross_attention', head }))
    const all = await page.evaluate((given) => asked.ablation(given), heads)
    expect(all.tokens.some(({ before, after }) => after < before - 1)).toBe(true)
    expect(all.tokens.map(({ text }) => text).join('')).toBe(ANSWER)
    expect(await page.evaluate(() => asked.failing.ablation([{ attention: 'encoder.0.self_attention', head: 8 }])))
      .toMatchObject({ name: 'InputError', code: 'unknown-head' }) // prettier-ignore
  })

  test('an LSTM reads word by word; the encoder beside it is measured in the same way', async () => {
    const reading = await page.evaluate((text) => asked.recurrent(text), FRANCE.text)
    const words = FRANCE.text.split(' ')
    expect(reading.words).toEqual(words)
    expect(reading.states).toHaveLength(words.length * reading.hiddenSize)
    expect(reading.sequentialSteps).toEqual({ lstm: words.length, encoder: 4 })
    expect(reading.weights).toContain('not trained')
    for (const influence of [reading.influence, reading.encoderInfluence]) {
      expect(influence).toHaveLength(words.length)
      for (const value of influence) expect(value).toBeGreaterThan(0)
    }
    expect(reading.influence.at(-1)).toBeGreaterThan(reading.influence[0]) // what was read first has faded
    const again = await page.evaluate((text) => asked.recurrent(text), FRANCE.text)
    expect(again).toEqual(reading)
    expect(await page.evaluate(() => asked.failing.recurrent(' '))).toMatchObject({ code: 'empty-text' })
  })

  test('a cancelled walk ends with an AbortError and leaves the last one as it was', async () => {
    await walk(SEED)
    const ended = await page.evaluate((scene) => asked.cancelWalk(scene), { ...CORPUS, topK: 50 })
    expect(ended).toMatchObject({ name: 'AbortError', code: 'aborted', isError: true })
    const { keys } = await page.evaluate(() => asked.attention('decoder.0.cross_attention', 0))
    expect(keys.filter(({ part }) => part === 'text').map(({ text }) => text).join('').trim()).toBe(FRANCE.text) // prettier-ignore
    const both = await page.evaluate(([first, second]) => asked.replaceWalk(first, second), [CORPUS, SEED] as const)
    expect(both).toMatchObject({ first: { name: 'AbortError' }, second: ANSWER })
  })

  test('what cannot be shown is refused with a typed error', async () => {
    await walk(SEED)
    const failing = {
      question: await page.evaluate((scene) => asked.failing.walk(scene), { ...SEED, question: ' ' }),
      topK: await page.evaluate((scene) => asked.failing.walk(scene), { ...SEED, topK: 0 }),
      passages: await page.evaluate((scene) => asked.failing.walk(scene), { ...SEED, passages: [] }),
      attention: await page.evaluate(() => asked.failing.attention('encoder.9.self_attention', 0)),
      passage: await page.evaluate(() => asked.failing.attention('encoder.0.self_attention', 2)),
      cell: await page.evaluate(() =>
        asked.failing.cell({ attention: 'encoder.0.self_attention', passage: 0, head: 0, query: 999, key: 0 }),
      ),
      text: await page.evaluate(() => asked.failing.selfAttention('text', 'encoder.0.self_attention')),
    }
    expect(Object.fromEntries(Object.entries(failing).map(([what, error]) => [what, error?.code]))).toEqual({
      question: 'empty-question',
      topK: 'bad-option',
      passages: 'empty-corpus',
      attention: 'unknown-attention',
      passage: 'no-passage',
      cell: 'no-cell',
      text: 'no-text-model',
    })
  })

  describe('a dropped folder', () => {
    const READER = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json']
    const paths = (folder: string, files: readonly string[]) => files.map((file) => `/weights/${folder}/${file}`)

    test('of an encoder-decoder answers in the place of the default reader, until that is put back', async () => {
      const info = await page.evaluate((files) => asked.drop('mine', files), paths('reader', READER))
      expect(info).toMatchObject({ reader: { name: 'mine', family: 't5' }, textModel: undefined })
      expect((await walk(SEED)).walk.answer.text).toBe(ANSWER)
      // what weighs a worded answer against a quote was learnt for the default reader
      expect((await page.evaluate(() => asked.quoting())).quoting.given).toBeUndefined()
    })

    test('of another model shows its self-attention over a text', async () => {
      const files = paths('all-MiniLM-L6-v2', ['config.json', 'model.safetensors', 'tokenizer.json'])
      const info = await page.evaluate((given) => asked.drop('encoder', given), files)
      expect(info).toMatchObject({ reader: { name: 'reader' }, textModel: { name: 'encoder', family: 'bert' } })
      expect(info.textModel!.attentions).toHaveLength(6)
      const map = await page.evaluate(() => asked.selfAttention('Paris is a city.', 'encoder.5.self_attention'))
      expect(map.keys.map(({ text }) => text)).toEqual(['[CLS]', 'paris', 'is', 'a', 'city', '.', '[SEP]'])
      expect(map.probs).toHaveLength(12 * 7 * 7)
      for (let row = 0; row < 12 * 7; row++) expect(sum(map.probs.slice(row * 7, row * 7 + 7))).toBeCloseTo(1, 5)
    })

    test.each([
      ['without config.json', [], { 'readme.txt': 'Hello' }, 'file-not-found', 'there is no config.json'],
      ['of an unknown family', [], { 'config.json': '{"model_type": "mamba"}' }, 'unknown-family', '"mamba"'],
      ['whose config.json is not JSON', [], { 'config.json': 'model' }, 'not-json', 'config.json'],
      [
        'whose weights are no safetensors file',
        paths('reader', ['config.json', 'tokenizer.json']),
        { 'model.safetensors': 'no weights at all, but long enough' },
        'header-too-large',
        'not a safetensors file',
      ],
      [
        'without weights',
        paths('reader', ['config.json', 'tokenizer.json']),
        {},
        'file-not-found',
        'model.safetensors',
      ],
    ])('%s is refused, and the engine goes on', async (_what, files, texts, code, message) => {
      const error = await page.evaluate(([given, written]) => asked.failing.drop('bad', given, written), [
        files,
        texts as Record<string, string>,
      ] as const)
      expect(error).toMatchObject({ code, isError: true })
      expect(error!.message).toContain(message)
      expect((await walk(SEED)).walk.answer.text).toBe(ANSWER)
    })
  })
})

test('without cross-origin isolation it runs on one thread, with the same answer', async () => {
  const { page, problems } = await openPage(server.address, false)
  const { info } = await page.evaluate(() => asked.start())
  expect(info.backend).toEqual({
    name: 'wasm',
    description: expect.stringMatching(/1 thread\)$/),
    isInt8: false,
  })
  expect((await page.evaluate((scene) => asked.walk(scene), SEED)).walk.answer.text).toBe(ANSWER)
  expect(problems).toEqual([])
  const ended = await page.evaluate((scene) => asked.disposeWhileWalking(scene), SEED)
  expect(ended.map((error) => error?.code)).toEqual(['engine-disposed', 'engine-disposed'])
})

test('a worker that cannot start is a typed error', async () => {
  const { page } = await openPage(server.address, true)
  const error = await page.evaluate(() => asked.failing.start('/code/nothing.js'))
  expect(error).toMatchObject({ name: 'GlassformerError', code: 'engine-died', isError: true })
})

describe('the static folder', () => {
  let folder: string
  let files: TestServer
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'glassformer-explorer-'))
    execFileSync(process.execPath, ['scripts/build-explorer.mjs', folder])
    files = await startServer({ site: folder })
  })
  afterAll(async () => {
    await files?.close()
    rmSync(folder, { recursive: true })
  })

  test('opened as a file says what to do', async () => {
    const page = await browser.newPage()
    await page.goto(pathToFileURL(join(folder, 'index.html')).href)
    const advice = page.getByText('run npx serve or python3 -m http.server')
    await advice.waitFor({ state: 'visible' })
    await page.goto(`${files.url}index.html`)
    await page.getByRole('main').waitFor()
    expect(await advice.count()).toBe(0)
  })

  test('answers with its 8-bit models, on one thread, after at most 30 MB, the span reader not among them', async () => {
    const { page, problems } = await openPage(files.url, false)
    const { info } = await page.evaluate(() => asked.start())
    const float = await SafetensorsFile.open(readFileSync(weightsPath('reader/model.safetensors')))
    const sizes = [...float.tensors.values()].map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    expect(info.reader.parameters).toBe(sum(sizes))
    const { walk } = await page.evaluate((scene) => asked.walk(scene), CORPUS)
    expect(walk.answer.text).toBe(ANSWER)
    expect(problems).toEqual([])
    await page.goto(`${files.url}index.html`) // the page's own script and style
    await page.waitForLoadState('networkidle')
    const fetched = new Set(files.requests.map(({ path }) => path))
    expect(fetched).toContain('/code/main.js')
    const bytes = [...fetched].filter((path) => !['/empty', '/asked.js', '/favicon.ico'].includes(path)).map((path) => statSync(join(folder, path)).size) // prettier-ignore
    expect(sum(bytes)).toBeGreaterThan(25e6)
    expect(sum(bytes)).toBeLessThanOrEqual(30e6)
    expect([...fetched].filter((path) => path.includes('span-reader'))).toEqual([])
  })

  test('its span reader, in 8 bits already, is that of the package to the last bit', async () => {
    const stored = gunzipSync(readFileSync(join(folder, 'weights/span-reader/model.safetensors.gz')))
    expect(stored.equals(readFileSync(weightsPath('span-reader/model.safetensors')))).toBe(true)
    const { page, problems } = await openPage(files.url, false)
    await page.evaluate(() => asked.start())
    await page.evaluate((scene) => asked.walk(scene), SEED)
    const { quoting, progress } = await page.evaluate(() => asked.quoting())
    expect(progress.at(0)!.total).toBeLessThanOrEqual(22e6)
    expect(quoting.given!.judged.said).toBeGreaterThan(0)
    expect(problems).toEqual([])
  })
})
