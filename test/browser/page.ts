/**
 * What the tests ask of a page. Bundled by the tests, with `glassformer` as dist/browser.js, so that what runs is what is published.
 */
import * as glassformer from 'glassformer'
import {
  AutoTokenizer,
  blobSource,
  defaultBackend,
  directLogitAttribution,
  FlatFileStore,
  gpuBackend,
  hub,
  loadTrace,
  logitLens,
  memoryFolder,
  pool,
  Rag,
  record,
  referenceBackend,
  rowWriting,
  SafetensorsFile,
  saveTrace,
  step,
  T5ForConditionalGeneration,
  Tensor,
  wasmBackend,
  type AskOptions,
  type Backend,
  type DownloadProgress,
  type Float,
  type TextInputs,
} from 'glassformer'
import { only } from '../support/padding.js'
import { firstDifference, TOLERANCE } from '../support/tolerance.js'
import type { GoldenCase } from '../support/goldens.js'

const BACKENDS = {
  reference: async () => referenceBackend(),
  'wasm plain': () => wasmBackend({ simd: 'plain' }),
  'wasm plain, 2 threads': () => wasmBackend({ simd: 'plain', threads: 2 }),
  'wasm relaxed': () => wasmBackend({ simd: 'relaxed' }),
  'wasm relaxed, 2 threads': () => wasmBackend({ simd: 'relaxed', threads: 2 }),
  'gpu webgl2': () => gpuBackend({ mode: 'webgl2' }),
  'gpu webgl': () => gpuBackend({ mode: 'webgl' }),
  'gpu webgpu': () => gpuBackend({ mode: 'webgpu' }),
}
export type BackendName = keyof typeof BACKENDS

const GOLDENS = '/test/goldens'

/** The answer's text, the posteriors of its passages, and where asked for, how many sources its tokens have. */
async function ask(backend: BackendName | undefined, question: string, options?: AskOptions) {
  const rag = await Rag.fromPretrained('/weights', { backend: backend && (await BACKENDS[backend]()) })
  try {
    const { text, passages, tokens } = await rag.ask(question, options)
    const sources = tokens.map(({ sources }) => sources?.length)
    return { text, passages: passages.map(({ id, posterior }) => ({ id, posterior })), sources }
  } finally {
    rag.dispose()
  }
}

/** Looks into a T5 in every way: tokens and steps of a traced search that went through a file, pauses, depths, and a logit with the sum of its parts. */
async function lookInside(backend: BackendName) {
  const running = await BACKENDS[backend]()
  const model = await T5ForConditionalGeneration.fromPretrained(`${GOLDENS}/t5/gated-tied`, { backend: running })
  const inputs = { inputIds: [[5, 6, 7, 8]], decoderInputIds: [[0, 9, 10]] }
  const search = { numBeams: 2, maxNewTokens: 4, minNewTokens: 4 }
  const point = 'decoder.1.resid_post'
  const { output, trace } = await record((hooks) => model.generate(inputs, { hooks, ...search }), [point])
  const saved = new Blob([saveTrace(trace) as Uint8Array<ArrayBuffer>])
  const loaded = (await loadTrace(saved)).trace.get(point)!
  const rows = loaded.map(({ step }) => rowWriting(step!, output.sequences[0]))
  const paused: string[] = []
  for await (const { point } of step((hooks) => model.forward(inputs, { hooks }), ['decoder.*.probs'])) {
    paused.push(point.name)
    if (paused.length === 3) break
  }
  const depths: string[] = []
  for await (const { point } of logitLens(model, inputs)) depths.push(point)
  const { logit, contributions } = await directLogitAttribution(model, inputs, { token: 17 })
  model.dispose()
  running.dispose()
  return { rows, paused, depths, logit, sum: contributions.reduce((total, { value }) => total + value, 0) }
}

/** Searches an index at a URL, and as a file that a user chose. */
async function searchIndex(url: string, vector: readonly number[], k: number) {
  const blob = await (await fetch(url)).blob()
  const found: (readonly [id: string, score: number])[][] = []
  for (const location of [url, blobSource(blob)]) {
    const store = await FlatFileStore.open(location)
    const [hits] = await store.search([Float32Array.from(vector)], k)
    found.push(hits.map(({ id, score }) => [id, score]))
    await store.close()
  }
  return found
}

/** What the page calls of any model. */
interface AnyModel {
  forward(inputs: object, options: object): Promise<object>
  dispose(): void
}

/** Backends that the goldens of this page run on, since a GPU compiles its kernels anew for each. */
const running = new Map<BackendName, Promise<Backend>>()

/** Runs a golden case: the number of outputs that were compared, and how any of them differs. */
async function compareWithGolden(backend: BackendName, folder: string) {
  const golden = (await (await fetch(`${GOLDENS}/${folder}/case.json`)).json()) as GoldenCase
  const classes = glassformer as unknown as Record<
    string,
    { fromPretrained(at: string, options: object): Promise<AnyModel> }
  >
  if (!running.has(backend)) running.set(backend, BACKENDS[backend]())
  const options = { backend: await running.get(backend) }
  const model = await classes[golden.model_class].fromPretrained(`${GOLDENS}/${folder}`, options)
  let compared = 0
  const differences: string[] = []
  for (const { file, inputs, outputs } of golden.forward) {
    const expected = await SafetensorsFile.open(await (await fetch(`${GOLDENS}/${folder}/${file}`)).arrayBuffer())
    const names = Object.keys(inputs)
    const ids = await Promise.all(names.map(async (name) => (await expected.tensor(name)).to('int32')))
    const given: Record<string, Tensor<'int32'>> = Object.fromEntries(names.map((name, i) => [camelCase(name), ids[i]]))
    const output = await model.forward(given, { outputHiddenStates: true, outputAttentions: true })
    const where = given.positionIds && given.attentionMask // left padding: the rows of padding are not compared
    for (const name of outputs) {
      const wanted = (await expected.tensor(name)).to('float32')
      const tolerance = name.includes('attentions') ? TOLERANCE.probabilities : TOLERANCE.states
      const got = outputNamed(name, output, given.attentionMask)
      const difference = firstDifference(got && only(where, got), only(where, wanted), tolerance)
      if (difference !== undefined) differences.push(`${folder}/${file}: ${name}: ${difference}`)
      compared++
    }
  }
  model.dispose()
  return { compared, differences }
}

/** The output that the oracle calls `decoder_hidden_states.2`, `loss` or `pooling.mean_normalized`. */
function outputNamed(name: string, output: object, attentionMask: Tensor<'int32'>): Float | undefined {
  const [field, index] = name.split('.')
  const fields = output as Record<string, unknown>
  if (field === 'sigmoid_logits') {
    const logits = fields.logits as Float
    return Tensor.float32(
      logits.toArray().map((x) => 1 / (1 + Math.exp(-x))),
      logits.shape,
    )
  }
  if (field === 'pooling') {
    const [mode, normalized] = index.split('_')
    const options = { mode: mode as 'mean' | 'cls', normalize: normalized !== undefined }
    return pool(fields.lastHiddenState as Float, attentionMask, options)
  }
  const value = fields[camelCase(field)]
  if (typeof value === 'number') return Tensor.float32([value], [])
  return index === undefined ? (value as Float) : (value as readonly Float[] | undefined)?.[Number(index)]
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Greedy ids from a model whose files a user picked. */
async function generateFromPicked(input: HTMLInputElement, inputs: TextInputs, maxNewTokens: number) {
  const files = new Map([...input.files!].map((file) => [file.name, file]))
  const model = await T5ForConditionalGeneration.fromPretrained(memoryFolder(files, 'picked'))
  return (await model.generate(inputs, { maxNewTokens })).sequences
}

/** Number of tokens of a text, by the tokenizer at that location. */
async function countTokens(location: string, text: string): Promise<number> {
  return (await AutoTokenizer.fromPretrained(location)).encode(text).ids.length
}

/** A conversation by a chat template, which is rendered by what comes beside the bundle. */
async function renderChat(tokenizer: string, template: string, content: string): Promise<string> {
  const bytes = async (response: Response) => new Uint8Array(await response.arrayBuffer())
  const files = new Map([
    ['tokenizer.json', await bytes(await fetch(`${tokenizer}/tokenizer.json`))],
    ['chat_template.jinja', new TextEncoder().encode(template)],
  ])
  const loaded = await AutoTokenizer.fromPretrained(memoryFolder(files))
  return (await loaded.applyChatTemplate([{ role: 'user', content }])).text
}

/** Loads the reader and gives up after its first tensor. */
async function abortLoading(): Promise<void> {
  const controller = new AbortController()
  const onProgress = () => controller.abort()
  await T5ForConditionalGeneration.fromPretrained('/weights/reader', { signal: controller.signal, onProgress })
}

/** Asks with many passages and gives up by a timer, as by a button; and how often the page had its turn meanwhile. */
async function abortAsking(backend: BackendName): Promise<{ error: string; turns: number }> {
  const rag = await Rag.fromPretrained('/weights', { backend: await BACKENDS[backend]() })
  const passages = Array.from({ length: 200 }, (_, i) => ({ text: `Country ${i} has a capital and ${i} rivers.` }))
  let turns = 0
  const timer = setInterval(() => turns++)
  try {
    await rag.ask('What is the capital of France?', { passages, topK: 200, signal: AbortSignal.timeout(500) })
    return { error: 'none', turns }
  } catch (error) {
    return { error: (error as Error).name, turns }
  } finally {
    clearInterval(timer)
    rag.dispose()
  }
}

const HUB = 'some-org/tiny-model'
const endpoint = `${location.origin}/hub`

/** A file of the model on the test's hub: its bytes, and how far it was at each report. */
async function readFromHub(file: string, offline = false): Promise<{ bytes: number[]; loaded: number[] } | undefined> {
  const loaded: number[] = []
  const onDownload = (progress: DownloadProgress) => loaded.push(progress.loaded)
  const source = await hub(HUB, { endpoint, onDownload, localFilesOnly: offline }).open(file)
  return source && { bytes: [...(await source.read(0, source.size))], loaded }
}

/** Begins a download, and gives it up when so much has come. */
async function abortHubDownload(file: string, after: number): Promise<string> {
  const controller = new AbortController()
  const onDownload = ({ loaded }: DownloadProgress) => loaded >= after && controller.abort()
  const opened = hub(HUB, { endpoint, onDownload, signal: controller.signal }).open(file)
  return opened.then(
    () => 'none',
    (error: Error) => error.name,
  )
}

/** Loads a BERT by name. */
async function countHookPoints(): Promise<number> {
  const model = await glassformer.BertModel.fromPretrained(hub(HUB, { endpoint }))
  const { length } = model.hookPoints()
  model.dispose()
  return length
}

/** What is stored by this page, by path. */
async function storedFiles(): Promise<string[]> {
  const list = async (folder: FileSystemDirectoryHandle, path: string): Promise<string[]> => {
    const found: string[] = []
    for await (const [name, entry] of folder.entries()) {
      const at = `${path}/${decodeURIComponent(name)}`
      found.push(...(entry.kind === 'directory' ? await list(entry as FileSystemDirectoryHandle, at) : [at]))
    }
    return found.sort()
  }
  return list(await navigator.storage.getDirectory(), '')
}

async function describeDefault(): Promise<string> {
  const backend = await defaultBackend()
  backend.dispose()
  return backend.describe()
}

export const checks = {
  ask,
  compareWithGolden,
  lookInside,
  searchIndex,
  generateFromPicked,
  countTokens,
  renderChat,
  abortLoading,
  abortAsking,
  describeDefault,
  readFromHub,
  abortHubDownload,
  countHookPoints,
  storedFiles,
}
export type Checks = typeof checks
declare global {
  /** For the functions that run in the page. */
  var checks: Checks
}
Object.assign(globalThis, { checks })
