/**
 * The page's state as the part of its address after `#`, so that a link shows what its sender saw. Only what differs from the opening
 * example is written. An address comes from anyone: names, numbers and lengths are checked before they become a scene.
 */
import type { BackendName, HeadName, Scene, ScenePassage } from '../protocol.js'
import { BACKENDS, DEFAULT_BACKEND } from '../backends.js'
import { SEED_SCENE } from './seed.js'
import type { HeadCell, Selection } from './selection.js'

/** An address that does not hold a state. */
export class AddressError extends Error {
  readonly code = 'bad-address'
  override readonly name = 'AddressError'
}

/** Most characters that an address may have, and the parts of a scene. */
export const LIMITS = { address: 100_000, question: 2000, passages: 200, text: 20_000, id: 1000, topK: 50, score: 1000 }

export interface Address {
  readonly scene: Scene
  readonly selection: Partial<Selection>
  /** Heads of the ablation experiment. */
  readonly tried: readonly HeadName[]
  /** What computes. */
  readonly backend: BackendName
}

const MODES: readonly Scene['mode'][] = ['conditioned', 'rag-sequence', 'rag-token']
const ATTENTION = /^(encoder|decoder)\.\d{1,3}\.(self|cross)_attention$/

/** `#q=Who%3F&k=2`, or '' for the opening example with nothing selected. */
export function formatAddress({ scene, selection, tried, backend }: Address): string {
  const fields = new URLSearchParams()
  if (scene.question !== SEED_SCENE.question) fields.set('q', scene.question)
  if (scene.served) fields.set('served', '1')
  else if (scene.passages === undefined) fields.set('corpus', '1')
  else if (JSON.stringify(scene.passages) !== JSON.stringify(SEED_SCENE.passages)) {
    if (scene.passages.length === 0) fields.set('passages', '0')
    for (const { id, title, text } of scene.passages) fields.set(`p.${id}`, `${title.replace(/\s+/g, ' ')}\n${text}`)
  }
  if (scene.topK !== SEED_SCENE.topK) fields.set('k', String(scene.topK))
  if (scene.mode !== SEED_SCENE.mode) fields.set('mode', scene.mode)
  for (const id of scene.dropped) fields.append('drop', id)
  for (const [id, score] of Object.entries(scene.scores)) fields.set(`score.${id}`, String(score))
  for (const { attention, head } of scene.ablated) fields.append('off', `${attention}:${head}`)
  for (const { attention, head } of tried) fields.append('try', `${attention}:${head}`)
  if (backend !== DEFAULT_BACKEND) fields.set('backend', backend)
  if (selection.passage !== undefined) fields.set('passage', String(selection.passage + 1))
  if (selection.encoder) fields.set('encoder', formatCell(selection.encoder))
  if (selection.decoder) fields.set('decoder', formatCell(selection.decoder))
  const text = fields.toString()
  return text === '' ? '' : `#${text}`
}

function formatCell({ attention, head, query, key }: HeadCell): string {
  return [attention, head, query, key].join(':')
}

/** @throws AddressError */
export function parseAddress(hash: string): Address {
  const text = hash.replace(/^#/, '')
  if (text.length > LIMITS.address) throw new AddressError(`the link is longer than ${LIMITS.address} characters`)
  const scene: { -readonly [key in keyof Scene]: Scene[key] } = { ...SEED_SCENE }
  const selection: { -readonly [key in keyof Selection]?: Selection[key] } = {}
  const own: ScenePassage[] = []
  const dropped: string[] = []
  const scores: [string, number][] = []
  const ablated: HeadName[] = []
  const tried: HeadName[] = []
  let backend = DEFAULT_BACKEND
  for (const [name, value] of new URLSearchParams(text)) {
    const [, field, id] = /^(p|score)\.(.*)$/s.exec(name) ?? []
    if (field === 'p') own.push(parsePassage(checkId(id), value))
    else if (field === 'score') scores.push([checkId(id), parseNumber(name, value, -LIMITS.score, LIMITS.score)])
    else if (name === 'q') scene.question = checkLength('question', value, LIMITS.question)
    else if (name === 'corpus') scene.passages = undefined
    else if (name === 'served') [scene.served, scene.passages] = [true, undefined]
    else if (name === 'passages') scene.passages = []
    else if (name === 'k') scene.topK = parseWhole(name, value, 1, LIMITS.topK)
    else if (name === 'mode') scene.mode = parseOneOf(name, value, MODES)
    else if (name === 'backend') backend = parseOneOf(name, value, BACKENDS)
    else if (name === 'drop') dropped.push(checkId(value))
    else if (name === 'off') ablated.push(parseHead(name, value.split(':')))
    else if (name === 'try') tried.push(parseHead(name, value.split(':')))
    else if (name === 'passage') selection[name] = parseWhole(name, value, 1, 10_000) - 1
    else if (name === 'encoder' || name === 'decoder') selection[name] = parseCell(name, value)
    else throw new AddressError(`the link has a field "${excerpt(name)}", which this page does not know`)
  }
  if (own.length > LIMITS.passages) throw new AddressError(`the link has more than ${LIMITS.passages} passages`)
  if (own.length > 0) scene.passages = own
  return { scene: { ...scene, dropped, scores: Object.fromEntries(scores), ablated }, selection, tried, backend }
}

function parsePassage(id: string, value: string): ScenePassage {
  const [title, ...lines] = checkLength('passage', value, LIMITS.text).split('\n')
  return { id, title, text: lines.join('\n') }
}

function parseHead(name: string, [attention, head, ...more]: readonly string[]): HeadName {
  if (!ATTENTION.test(attention) || head === undefined || more.length > 0) {
    const got = excerpt([attention, head, ...more].join(':'))
    throw new AddressError(`the link's ${name} is "${got}", expected something like encoder.0.self_attention:3`)
  }
  return { attention, head: parseWhole(name, head, 0, 1000) }
}

function parseCell(name: 'encoder' | 'decoder', value: string): HeadCell {
  const [attention, head, query, key, ...more] = value.split(':')
  if (!attention.startsWith(name) || key === undefined || more.length > 0) {
    throw new AddressError(
      `the link's ${name} is "${excerpt(value)}", expected something like ${name}.0.self_attention:3:2:7`,
    )
  }
  const at = { query: parseWhole(name, query, 0, 10_000), key: parseWhole(name, key, 0, 10_000) }
  if (head === 'mean' && ATTENTION.test(attention)) return { attention, head, ...at }
  return { ...parseHead(name, [attention, head]), ...at }
}

function parseOneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value)
  if (choice !== undefined) return choice
  throw new AddressError(`the link's ${name} is "${excerpt(value)}", expected one of ${choices.join(', ')}`)
}

function parseWhole(name: string, value: string, least: number, most: number): number {
  if (!/^\d{1,6}$/.test(value))
    throw new AddressError(`the link's ${name} is "${excerpt(value)}", expected a whole number`)
  return parseNumber(name, value, least, most)
}

function parseNumber(name: string, value: string, least: number, most: number): number {
  const number = value.trim() === '' ? NaN : Number(value)
  if (number >= least && number <= most) return number
  throw new AddressError(
    `the link's ${excerpt(name)} is "${excerpt(value)}", expected a number from ${least} to ${most}`,
  )
}

function checkId(id: string): string {
  if (id === '' || id === '__proto__')
    throw new AddressError(`the link has a passage id "${id}", which is not possible`)
  return checkLength('passage id', id, LIMITS.id)
}

function checkLength(what: string, value: string, most: number): string {
  if (value.length > most)
    throw new AddressError(`the link's ${what} has ${value.length} characters, ${most} are possible`)
  return value
}

function excerpt(value: string): string {
  return value.length > 40 ? `${value.slice(0, 40)}…` : value
}
