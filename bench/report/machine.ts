/**
 * What the numbers were measured on.
 */
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Backend } from '../../src/backends/index.js'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  /** Of this project, Node, V8 and the peers. */
  readonly versions: Readonly<Record<string, string>>
  /** What our side runs on, as the backend says it. */
  readonly backend: string
}

export async function describeMachine(backend: Backend, peers: Readonly<Record<string, string>>): Promise<Machine> {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    versions: { glassformer: version, node: process.versions.node, v8: process.versions.v8, ...peers },
    backend: backend.describe(),
  }
}

export function showMachine({ cpu, cores, memoryGiB, platform, versions, backend }: Machine): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}\n${named.join(', ')}\nours: ${backend}`
}
