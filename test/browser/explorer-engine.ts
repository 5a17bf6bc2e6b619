/**
 * What the tests of the explorer's engine ask of a page. Bundled by the tests; the worker is the built one.
 */
import type { GlassformerError } from '../../src/errors.js'
import { createEngine } from '../../web/engine/client.js'
import type { BackendName, Engine, Scene } from '../../web/protocol.js'

const SCRIPT = '/code/engine.js'

let engine: Engine

/** Starts the engine and loads the default models: what it says of them, and the progress that it reported. */
async function start(script = SCRIPT) {
  engine = createEngine(new URL(script, location.href))
  const progress: { what: string; done: number; total: number }[] = []
  const info = await engine.load({ kind: 'default' }, 'wasm', { onProgress: (at) => progress.push(at) })
  return { info, progress }
}

/** Loads the default models on another backend. */
async function switchTo(backend: BackendName) {
  return engine.load({ kind: 'default' }, backend, { onProgress: () => {} })
}

async function kernels() {
  return engine.kernels()
}

async function backends() {
  return engine.backends()
}

/** A walk, with typed arrays as lists, and what was written meanwhile. */
async function walk(scene: Scene) {
  const writing: string[] = []
  const result = await engine.walk(scene, { onWriting: (text) => writing.push(text) })
  return { walk: plain(result), writing }
}

async function attention(name: string, passage: number) {
  return plain(await engine.attention(name, passage))
}

async function cell(...args: Parameters<Engine['cell']>) {
  return plain(await engine.cell(...args))
}

/** The span reader on the last walk, and the progress that it reported. */
async function quoting() {
  const progress: { what: string; done: number; total: number }[] = []
  const result = await engine.quoting({ onProgress: (at) => progress.push(at) })
  return { quoting: plain(result), progress }
}

async function spanAttention(name: string, passage: number) {
  return plain(await engine.spanAttention(name, passage))
}

async function spanCell(...args: Parameters<Engine['spanCell']>) {
  return plain(await engine.spanCell(...args))
}

async function ablation(heads: Scene['ablated']) {
  return engine.ablation(heads)
}

async function recurrent(text: string) {
  return plain(await engine.recurrent(text))
}

async function selfAttention(text: string, name: string) {
  return plain(await engine.selfAttention(text, name))
}

/** Asks, and cancels as soon as something is written: how that ended. */
async function cancelWalk(scene: Scene) {
  const controller = new AbortController()
  return errorOf(engine.walk(scene, { onWriting: () => controller.abort(), signal: controller.signal }))
}

/** Asks twice at once, the first time in vain. */
async function replaceWalk(first: Scene, second: Scene) {
  const controller = new AbortController()
  const cancelled = errorOf(engine.walk(first, { onWriting: () => {}, signal: controller.signal }))
  const wanted = engine.walk(second, { onWriting: () => {} })
  controller.abort()
  return { first: await cancelled, second: (await wanted).answer.text }
}

/** Drops a folder: its files are fetched from there, or given as text. */
async function drop(name: string, paths: readonly string[], texts: Readonly<Record<string, string>> = {}) {
  const fetched = await Promise.all(
    paths.map(async (path) => {
      const file = new File([await (await fetch(path)).blob()], path.split('/').at(-1)!)
      return { path: `${name}/${file.name}`, file }
    }),
  )
  const given = Object.entries(texts).map(([file, text]) => ({ path: `${name}/${file}`, file: new File([text], file) }))
  const source = { kind: 'files', name, files: [...fetched, ...given] } as const
  return engine.load(source, 'wasm', { onProgress: () => {} })
}

/** How a call ended that fails: what a program can tell of it. */
async function errorOf(call: Promise<unknown>) {
  try {
    await call
    return undefined
  } catch (error) {
    const { name, code, message } = error as GlassformerError
    return { name, code, message, isError: error instanceof Error }
  }
}

const failing = {
  walk: (scene: Scene) => errorOf(walk(scene)),
  attention: (name: string, passage: number) => errorOf(attention(name, passage)),
  cell: (...args: Parameters<Engine['cell']>) => errorOf(cell(...args)),
  spanAttention: (name: string, passage: number) => errorOf(spanAttention(name, passage)),
  ablation: (heads: Scene['ablated']) => errorOf(ablation(heads)),
  recurrent: (text: string) => errorOf(recurrent(text)),
  selfAttention: (text: string, name: string) => errorOf(selfAttention(text, name)),
  drop: (...args: Parameters<typeof drop>) => errorOf(drop(...args)),
  switchTo: (backend: BackendName) => errorOf(switchTo(backend)),
  start: (script: string) => errorOf(start(script)),
}

/** Disposes the engine while it walks: how the walk ended, and a call afterwards. */
async function disposeWhileWalking(scene: Scene) {
  const running = errorOf(engine.walk(scene, { onWriting: () => {} }))
  engine.dispose()
  return [await running, await errorOf(engine.recurrent('text'))]
}

/** Typed arrays become lists, which every driver of a browser can hand over. */
function plain<T>(value: T): Plain<T> {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Float32Array) as Plain<T>
  if (Array.isArray(value)) return value.map(plain) as Plain<T>
  if (typeof value !== 'object' || value === null) return value as Plain<T>
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)])) as Plain<T>
}

type Plain<T> = T extends Float32Array
  ? number[]
  : T extends readonly (infer E)[]
    ? Plain<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : T

export const asked = {
  start,
  switchTo,
  kernels,
  backends,
  walk,
  attention,
  cell,
  quoting,
  spanAttention,
  spanCell,
  ablation,
  recurrent,
  selfAttention,
  cancelWalk,
  replaceWalk,
  drop,
  disposeWhileWalking,
  failing,
}
Object.assign(globalThis, { asked })
