import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wasmBackend } from '../../src/backends/index.js'
import type { KernelExports } from '../../src/backends/wasm/exports.js'
import { compileKernels } from '../../src/backends/wasm/load.js'
import { CONTROL_ADDRESS, KernelMemory } from '../../src/backends/wasm/memory.js'
import { ThreadPool } from '../../src/backends/wasm/pool.js'
import { KERNELS } from '../../src/shipped-files.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { randomNumbers, randomTensor } from '../support/random.js'

const SOURCE = fileURLToPath(new URL('../../src/index.ts', import.meta.url))

/** Runs a program in a process of its own; `ready` is a backend of two threads that has computed something. */
async function program(body: string): Promise<string> {
  const script = `
    import { wasmBackend, Tensor } from ${JSON.stringify(SOURCE)}
    const ready = await wasmBackend({ threads: 2 })
    const weight = ready.pack(Tensor.zeros('float32', [512, 512]), { use: 'linear' })
    const x = Tensor.zeros('float32', [64, 512])
    const compute = () => ready.run(({ kernels }) => kernels.linear(x, weight).then(() => undefined))
    for (let i = 0; i < 20; i++) await compute()
    ${body}`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    script,
  ])
  return stdout.trim()
}

describe('threads', () => {
  test('more of them than cores give the same bits as one, job after job', async () => {
    const [many, one] = [await wasmBackend({ threads: 5 }), await wasmBackend({ threads: 1 })]
    onTestFinished(() => [many, one].forEach((backend) => backend.dispose()))
    const next = randomNumbers(1)
    const weights = [40, 200, 333].map((n) => randomTensor(next, [n, 96]))
    const xs = [1, 2, 7, 64].map((rows) => randomTensor(next, [rows, 96]))
    const expected = new Map<string, number[]>()
    for (const backend of [one, many]) {
      const packed = weights.map((weight) => backend.pack(weight, { use: 'linear' }))
      for (let round = 0; round < (backend === one ? 1 : 100); round++) {
        await backend.run(async ({ kernels }) => {
          for (const [i, x] of xs.entries()) {
            for (const [j, matrix] of packed.entries()) {
              const product: Float = await kernels.linear(x, matrix, 'silu')
              const key = `${i} ${j}`
              if (backend === one) expected.set(key, product.toArray())
              else expect(product.toArray()).toEqual(expected.get(key))
            }
          }
        })
      }
    }
  })

  test('end with dispose(), and do not keep a program alive that forgets it', async () => {
    expect(await program("ready.dispose(); ready.dispose(); console.log('disposed')")).toBe('disposed')
    expect(await program("console.log('forgotten')")).toBe('forgotten')
  })

  test('take no processor time while there is nothing to do', async () => {
    const milliseconds = await program(`
      await new Promise((resolve) => setTimeout(resolve, 100)) // the last job is over, and its spinning
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const { user, system } = process.cpuUsage(before)
      console.log((user + system) / 1000)`)
    expect(Number(milliseconds)).toBeLessThan(300) // one thread that waits busily would take 1000
  })

  test('one whose kernel traps makes the job fail, and not the next one', { timeout: 20_000 }, async () => {
    const memory = new KernelMemory(true)
    const module = await compileKernels(KERNELS, 'plain', true)
    const { exports } = await WebAssembly.instantiate(module, { env: { memory: memory.memory } })
    // On this thread the kernel is slow and harmless, so that a worker meets the wild address.
    const clock = new Int32Array(new SharedArrayBuffer(4))
    const wait = (): void => void Atomics.wait(clock, 0, 0, 20)
    const pool = await ThreadPool.start({
      module,
      memory: memory.memory,
      exports: { ...exports, linear: wait } as unknown as KernelExports,
      control: CONTROL_ADDRESS,
      threads: 2,
      files: KERNELS,
    })
    onTestFinished(() => pool.dispose())
    const job = {
      kernel: 'linear',
      argument: 2 ** 31 - 4096,
      first: 0,
      end: 12,
      unitsTogether: 1,
      scratch: 0,
      scratchStride: 0,
    } as const
    const untilTheWorkerTakesPart = (): void => {
      for (;;) void pool.run(job, false)
    }
    expect(untilTheWorkerTakesPart).toThrow('thread 1 failed in the kernel linear')
    expect(() => pool.run(job, false)).not.toThrow() // it is gone, and all is done here
  })

  test('a number of them that is none is refused', async () => {
    for (const threads of [0, -1, 1.5, NaN]) {
      await expect(wasmBackend({ threads })).rejects.toThrow(`threads is ${threads}`)
    }
  })
})
