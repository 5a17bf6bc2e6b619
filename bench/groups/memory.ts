/**
 * (g) Peak resident memory of a process that loads MiniLM and embeds a sentence, Node's own included. Ours reads the float16 file; the peer
 * the ONNX files that are made of it. It does not vary much, so it is measured once.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { emptyRow, firstLine, type Row } from '../compare.js'
import type { Group } from '../group.js'
import { exists, PEERS_FOLDER } from '../peers/install.js'
import { MODELS_FOLDER } from '../peers/transformers-js.js'
import { makeMinilm, MINILM } from './minilm.js'

const SCRIPT = fileURLToPath(new URL('../peers/peak-memory.mjs', import.meta.url))
const LIBRARY = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
const MODEL = fileURLToPath(new URL('../../weights/all-MiniLM-L6-v2', import.meta.url))

export const memory: Group = {
  name: 'memory',
  title: '(g) peak memory',
  async run({ options, progress }) {
    progress('loading MiniLM in fresh processes')
    const peers = options.peers !== 'none' && (await exists(PEERS_FOLDER))
    if (peers) await makeMinilm()
    const rows: Row[] = []
    for (const [ours, theirs] of [
      ['float16', 'fp32'],
      ['int8', 'q8'],
    ] as const) {
      const own = await peak([LIBRARY, MODEL, ...(ours === 'int8' ? ['int8'] : [])]).catch(firstLine)
      const peer = peers
        ? await peak([PEERS_FOLDER, MODELS_FOLDER, MINILM, theirs]).catch(firstLine)
        : 'the peers are not installed'
      rows.push(row(ours, theirs, own, peer))
    }
    return { rows }
  },
}

function row(ours: string, theirs: string, own: number | string, peer: number | string): Row {
  const entrant = (name: string) => ({ name, prepare: () => Promise.reject(new Error('memory does not run')) })
  const base = emptyRow(
    { group: 'memory', work: 'MiniLM, peak RSS', unit: 'MB', ours: entrant(`wasm ${ours}`), peers: [] },
    entrant(`transformers.js node ${theirs}`),
  )
  if (typeof own === 'string') return { ...base, note: own }
  const constant = (value: number) => ({ median: value, low: value, high: value })
  if (typeof peer === 'string') return { ...base, values: { ours: constant(own) }, note: peer }
  return { ...base, values: { ours: constant(own), peer: constant(peer) }, ratio: constant(peer / own) }
}

/** Megabytes. */
async function peak(args: readonly string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...args])
  return (Number(/^peak (\d+)$/m.exec(stdout)![1]) * 1024) / 1e6
}
