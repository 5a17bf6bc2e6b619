import { readFile, rm, symlink } from 'node:fs/promises'
import { build } from 'esbuild'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { GPU_JS_FOLDER } from '../support/gpu-js.js'
import { goldenPath } from '../support/goldens.js'
import { repositoryText, run, runTypeScript, SEED_ANSWER, SEED_QUESTION, typeCheck, userPath, write } from './user.js'

const USER_FILE = `
import { Rag, ShapeError, Tensor, type Answer, type Hooks } from 'glassformer'
import { fromNdarray, toNdarray } from 'glassformer/ndarray'

const view = toNdarray(Tensor.float32([1, 2, 3, 4, 5, 6], [2, 3]).transpose())
console.log(view.shape.join(), view.get(2, 1), fromNdarray(view).shape.join())

try {
  Tensor.float32([1, 2], [3])
} catch (error) {
  console.log(error instanceof ShapeError && error.code)
}

const seen: string[] = []
const hooks: Hooks = { 'encoder.*.probs': (tensor, { name }) => void seen.push(name, String(tensor.rank)) }
const rag = await Rag.fromPretrained()
await rag.reader.model.encode({ inputIds: [[5, 6, 1]] }, { hooks })
console.log(seen.slice(0, 2).join())
const answer: Answer = await rag.ask(${JSON.stringify(SEED_QUESTION)})
console.log(answer.text)
`
const USER_OUTPUT = `3,2 6 3,2\nshape-mismatch\nencoder.0.self_attention.probs,4\n${SEED_ANSWER}\n`

describe('the packed files', () => {
  test('are the bundles, the types, the kernels, the weights and the papers, and nothing else', () => {
    const allowed = /^(dist\/|kernels\/[\w-]+\.(wasm|js)$|weights\/|(README|CHANGELOG)\.md$|LICENSE$|package\.json$)/
    expect(inject('packedFiles').filter((file) => !allowed.test(file))).toEqual([])
    expect(inject('packedFiles').filter((file) => /(^|\/)(src|tests?|recipe|bench)\//.test(file))).toEqual([])
  })

  test.each([
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'dist/index.js',
    'dist/browser.js',
    'dist/jinja.js',
    'dist/minisearch.js',
    'dist/provenance.js',
    'dist/index-scan.js',
    'dist/explorer/index.html',
    'dist/explorer/code/main.js',
    'dist/explorer/code/engine.js',
    'dist/explorer/code/style.css',
    'dist/explorer/licences.txt',
    'dist/gpu.js',
    'dist/cli.js',
    'dist/answer-worker.js',
    'dist/ndarray.js',
    'dist/postgres.js',
    'dist/node-parser-worker.js',
    'dist/page-parser-worker.js',
    'dist/types/index.d.ts',
    'dist/types/tensor/ndarray.d.ts',
    'kernels/plain.wasm',
    'kernels/plain-shared.wasm',
    'kernels/relaxed.wasm',
    'kernels/relaxed-shared.wasm',
    'kernels/worker.js',
    'weights/README.md',
    'weights/all-MiniLM-L6-v2/model.safetensors',
    'weights/all-MiniLM-L6-v2/tokenizer.json',
    'weights/reader/model.safetensors',
    'weights/reader/tokenizer.json',
    'weights/world-facts/index.bin',
    'weights/world-facts/passages.jsonl',
  ])('have %s', (file) => {
    expect(inject('packedFiles')).toContain(file)
  })

  test('name no file of the package that is not there', async () => {
    const manifest = JSON.parse(await repositoryText('package.json')) as Record<'exports' | 'bin', object>
    const named = JSON.stringify([manifest.exports, manifest.bin]).match(/dist\/[^"*]+/g)!
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((file) => !inject('packedFiles').includes(file))).toEqual([])
  })
})

test('backend: "gpu" runs where gpu.js is installed, and says what to install where it is not', async () => {
  await write(
    'gpu.ts',
    `
import { BertModel } from 'glassformer'
try {
  const model = await BertModel.fromPretrained(${JSON.stringify(goldenPath('bert/base'))}, { backend: 'gpu' })
  const { lastHiddenState } = await model.forward({ inputIds: [[5, 6, 7]] })
  console.log(lastHiddenState.shape.join(), model.backend.name)
  model.dispose()
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  console.log(code, message.includes('npm install gpu.js'))
}`,
  )
  expect(await runTypeScript('gpu.ts')).toBe('gpu-js-missing true\n')
  const link = userPath('node_modules', 'gpu.js')
  await symlink(GPU_JS_FOLDER, link, 'dir')
  onTestFinished(() => rm(link))
  expect(await runTypeScript('gpu.ts')).toBe('1,3,32 gpu\n')
})

test('an import answers the seed question, with hooks, errors and ndarray', async () => {
  await write('user.ts', USER_FILE)
  expect(await runTypeScript('user.ts')).toBe(USER_OUTPUT)
})

test.each(['bundler', 'node16', 'nodenext'] as const)(
  'the types hold under moduleResolution %s',
  async (resolution) => {
    await write(`types-${resolution}/user.ts`, USER_FILE)
    await typeCheck(resolution, `types-${resolution}/user.ts`)
    await write(`types-${resolution}/wrong.ts`, `${USER_FILE}\nconst wrong: number = answer.text`)
    await expect(typeCheck(resolution, `types-${resolution}/wrong.ts`)).rejects.toThrow(/TS2322.*not assignable/s)
  },
)

test('a store in PostgreSQL says which packages it needs, where they are not installed', async () => {
  await write(
    'postgres.ts',
    `
import { GlassformerError } from 'glassformer'
import { PostgresError, PostgresStore } from 'glassformer/postgres'

try {
  await PostgresStore.open('postgres://localhost')
} catch (error) {
  console.log(error instanceof PostgresError, error instanceof GlassformerError, (error as PostgresError).message)
}
`,
  )
  expect(await runTypeScript('postgres.ts')).toContain('true true a store in PostgreSQL needs packages')
})

describe('the command', () => {
  test('answers the seed question as JSON', async () => {
    const answer = JSON.parse(await run('npx', '--no-install', 'glassformer', 'ask', SEED_QUESTION, '--json'))
    expect(answer).toMatchObject({ question: SEED_QUESTION, text: SEED_ANSWER, abstained: false })
    expect(answer.passages).toHaveLength(5)
  })

  test('knows its version', async () => {
    const { version } = JSON.parse(await repositoryText('package.json')) as { version: string }
    expect(await run('npx', '--no-install', 'glassformer', '--version')).toBe(`${version}\n`)
  })

  test('parses documents in the thread that is packed for it', async () => {
    await write('notes.json', '[{"text": "Tea is a drink."}]')
    const command = 'npx --no-install glassformer index notes.json --out notes.index 2>&1'
    expect(await run('sh', '-c', command)).toMatch(/^notes\.index: 1 passage, .*\n$/) // and no warning
  })

  test('fails with 2 when it is called wrongly', async () => {
    const failure = run('npx', '--no-install', 'glassformer', 'ask', '--nonsense')
    await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--nonsense') as string })
  })
})

describe.each(['node', 'browser'] as const)('a bundler, for %s', (platform) => {
  /** Bytes of a program that uses these names, with all that it needs. */
  async function bundledSize(statement: string): Promise<number> {
    const { outputFiles } = await build({
      stdin: { contents: statement, resolveDir: inject('userFolder') },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform,
      external: ['node:*'],
    })
    return outputFiles[0].contents.length
  }

  test('takes along only what is used', async () => {
    const whole = await bundledSize("export * from 'glassformer'")
    expect(await bundledSize("export { Tensor } from 'glassformer'")).toBeLessThan(whole / 8)
    expect(await bundledSize("export { SafetensorsFile } from 'glassformer'")).toBeLessThan(whole / 4)
    expect(await bundledSize("export { BertModel } from 'glassformer'")).toBeLessThan(whole / 2)
  })
})

test('the source maps hold the sources, which are not in the package', async () => {
  const map = JSON.parse(await readFile(userPath('node_modules/glassformer/dist/browser.js.map'), 'utf8')) as {
    sources: string[]
    sourcesContent: (string | null)[]
  }
  expect(map.sourcesContent).toHaveLength(map.sources.length)
  expect(map.sourcesContent).not.toContain(null)
})
