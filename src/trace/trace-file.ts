/**
 * A trace as one safetensors file, which other programs open too. The n-th tensor of a point is named `decoder.0.resid_pre#n`; what is to
 * be known of points and steps is JSON in the header's metadata, under `glassformer.trace`.
 */
import { GlassformerError } from '../errors.js'
import type { ByteSource } from '../files/byte-source.js'
import { JsonObject, type Json } from '../files/json.js'
import { SafetensorsFile, writeSafetensors } from '../safetensors/index.js'
import type { Float } from '../tensor/ops/index.js'
import type { DecoderStep } from './decoder-steps.js'
import { hookPoint, type HookDimension, type HookPoint } from './glass.js'
import { Recorded, type Trace } from './record.js'

const KEY = 'glassformer.trace'
const VERSION = 1

/** What to know of a trace beside its tensors. */
export interface TraceInfo {
  /** What ran: a class, a checkpoint. */
  readonly model?: string
  /** The tokens as text, by the name of the sequence, such as `source` and `target`; [rows][length] */
  readonly tokens?: Readonly<Record<string, readonly (readonly string[])[]>>
}

/** A file that is not a usable trace. What is wrong with it as a safetensors file is a SafetensorsError. */
export class TraceFileError extends GlassformerError {}

/** The bytes of a file with this trace. Equal traces give equal bytes. */
export function saveTrace(trace: Trace, info: TraceInfo = {}): Uint8Array {
  const steps = stepsOf(trace)
  const numbers = new Map(steps.map((step, n) => [step, n]))
  const numberOf = (step: DecoderStep | undefined) => (step ? numbers.get(step)! : null)
  const points = [...trace].map(([name, list]) => ({
    name,
    shape: list[0].point.shape,
    steps: list.map(({ step }) => numberOf(step)),
  }))
  const meta = {
    version: VERSION,
    ...info,
    points,
    steps: steps.map(({ previous, parents, tokens, start }) => ({
      previous: numberOf(previous),
      parents,
      tokens,
      start,
    })),
  }
  const tensors = [...trace].flatMap(([name, list]) => list.map((tensor, n) => [tensorName(name, n), tensor] as const))
  return writeSafetensors(tensors, { [KEY]: JSON.stringify(meta) })
}

/**
 * Opens a file that saveTrace wrote. Patches can be made from the trace as from one that was just recorded.
 * @throws SafetensorsError for a broken file, TraceFileError for one that is no trace, of a newer version, or contradicts itself
 */
export async function loadTrace(
  input: ByteSource | ArrayBuffer | Uint8Array | Blob,
): Promise<TraceInfo & { readonly trace: Trace }> {
  const file = await SafetensorsFile.open(input)
  try {
    const { info, points } = parseMeta(file)
    requireTensors(file, points)
    const trace = new Map<string, readonly Recorded[]>()
    for (const { point, steps } of points) {
      const list: Recorded[] = []
      for (const step of steps) {
        const tensor = (await file.tensor(tensorName(point.name, list.length))) as Float
        list.push(new Recorded(tensor, point, step))
      }
      trace.set(point.name, list)
    }
    return { ...info, trace }
  } finally {
    await file.close()
  }
}

/** All steps that the tensors link to, each behind the one before it. */
function stepsOf(trace: Trace): DecoderStep[] {
  const steps = new Set<DecoderStep>()
  for (const { step } of [...trace.values()].flat()) {
    const chain: DecoderStep[] = []
    for (let one = step; one && !steps.has(one); one = one.previous) chain.push(one)
    for (const one of chain.reverse()) steps.add(one)
  }
  return [...steps]
}

function tensorName(point: string, n: number): string {
  return `${point}#${n}`
}

interface SavedPoint {
  readonly point: HookPoint
  /** Step of each tensor. */
  readonly steps: readonly (DecoderStep | undefined)[]
}

function parseMeta(file: SafetensorsFile): { info: TraceInfo; points: readonly SavedPoint[] } {
  const text = file.metadata.get(KEY)
  if (text === undefined) {
    throw new TraceFileError('not-a-trace', `${file.name}: this is not a trace (its metadata has no ${KEY})`)
  }
  const fail = (detail: string) => new TraceFileError('trace-meta', `${file.name}: ${KEY}: ${detail}`)
  try {
    const json = JsonObject.parse(text, `${file.name}: ${KEY}`)
    const version = json.integer('version')
    if (version !== VERSION) {
      throw new TraceFileError('trace-version', `${file.name}: version ${version}, this program reads ${VERSION}`)
    }
    const steps: DecoderStep[] = []
    for (const [n, value] of listOf(json.get('steps'), 'steps', fail).entries()) {
      steps.push(parseStep(new JsonObject(value, `${json.where}: steps ${n}`), steps, fail))
    }
    const points = listOf(json.get('points'), 'points', fail).map((value, n): SavedPoint => {
      const saved = new JsonObject(value, `${json.where}: points ${n}`)
      const name = saved.string('name')
      const shape = listOf(saved.get('shape'), `the shape of ${name}`, fail).map((size) => dimension(size, name, fail))
      const numbers = listOf(saved.get('steps'), `the steps of ${name}`, fail)
      if (numbers.length === 0) throw fail(`${name} has no tensors`)
      return { point: hookPoint(name, shape), steps: numbers.map((number) => stepAt(number, steps, fail)) }
    })
    const info: TraceInfo = {
      ...(json.has('model') ? { model: json.string('model') } : {}),
      ...(json.has('tokens') ? { tokens: parseTokens(json.object('tokens'), fail) } : {}),
    }
    return { info, points }
  } catch (error) {
    if (error instanceof TraceFileError) throw error
    throw new TraceFileError('trace-meta', (error as Error).message, { cause: error })
  }
}

/** @throws TraceFileError unless the file has exactly the tensors that the points name, in float32 */
function requireTensors(file: SafetensorsFile, points: readonly SavedPoint[]): void {
  const fail = (detail: string) => new TraceFileError('trace-tensors', `${file.name}: ${detail}`)
  const names = points.flatMap(({ point, steps }) => steps.map((_, n) => tensorName(point.name, n)))
  const wanted = new Set(names)
  if (wanted.size !== names.length) throw fail('a point is there twice')
  for (const name of names) {
    const info = file.tensors.get(name)
    if (!info) throw fail(`there is no tensor ${name}, which ${KEY} names`)
    if (info.dtype !== 'float32') throw fail(`${name} is ${info.dtype}, expected float32`)
  }
  const other = [...file.tensors.keys()].find((name) => !wanted.has(name))
  if (other !== undefined) throw fail(`${KEY} does not name the tensor ${other}`)
}

type Fail = (detail: string) => TraceFileError

function parseStep(json: JsonObject, before: readonly DecoderStep[], fail: Fail): DecoderStep {
  const { where } = json
  const previous = stepAt(json.get('previous') ?? null, before, fail)
  const parents = wholeNumbers(json.get('parents'), `${where}: parents`, fail)
  const tokens = listOf(json.get('tokens'), `${where}: tokens`, fail).map((row) =>
    wholeNumbers(row, `${where}: tokens`, fail),
  )
  const start = json.integer('start', { min: 0 })
  if (parents.length !== tokens.length) throw fail(`${where}: ${parents.length} parents for ${tokens.length} rows`)
  const missing = previous && parents.find((parent) => parent >= previous.parents.length)
  if (missing !== undefined) throw fail(`${where}: there is no row ${missing} of ${previous!.parents.length} before it`)
  return { index: previous ? previous.index + 1 : 0, previous, parents, tokens, start }
}

function parseTokens(json: JsonObject, fail: Fail): TraceInfo['tokens'] {
  const rowOf = (row: Json, what: string) =>
    listOf(row, what, fail).map((token) => {
      if (typeof token === 'string') return token
      throw fail(`${what} are no strings`)
    })
  return Object.fromEntries(
    json.keys().map((name) => {
      const what = `the tokens of ${name}`
      return [name, listOf(json.get(name), what, fail).map((row) => rowOf(row, what))]
    }),
  )
}

function dimension(value: Json, name: string, fail: Fail): HookDimension {
  if (value === 'batch' || value === 'query' || value === 'key') return value
  if (isWhole(value)) return value
  throw fail(`the shape of ${name} has a size ${JSON.stringify(value)}`)
}

function stepAt(value: Json, steps: readonly DecoderStep[], fail: Fail): DecoderStep | undefined {
  if (value === null) return undefined
  const step = isWhole(value) ? steps[value] : undefined
  if (!step) throw fail(`there is no step ${JSON.stringify(value)} of ${steps.length}`)
  return step
}

function wholeNumbers(value: Json | undefined, what: string, fail: Fail): number[] {
  return listOf(value, what, fail).map((one) => {
    if (isWhole(one)) return one
    throw fail(`${what} are no whole numbers`)
  })
}

function listOf(value: Json | undefined, what: string, fail: Fail): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[]
  throw fail(`${what}: expected a list`)
}

function isWhole(value: Json): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
