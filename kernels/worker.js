/**
 * A thread of the WebAssembly backend, in Node and in browsers. It gets the compiled kernels and the shared memory in one message, then
 * sleeps until a job is there, takes parts of it until none is left, and sleeps again. The words that it shares with the
 * main thread are described in src/backends/wasm/pool.ts.
 */

/** @typedef {(job: number, first: number, end: number, scratch: number) => void} SharedKernel */

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined
const port = isNode ? (await import('node:worker_threads')).parentPort : globalThis

port.onmessage = ({ data: { module, memory, control, slot, kernels, words, spins } }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  // Where the memory grew while it was on its way here, V8 may have missed that, and memory.copy would trap on the new end.
  // Growing by nothing makes it look again.
  memory.grow(0)
  /** @type {SharedKernel[]} */
  const run = kernels.map((/** @type {string} */ name) => exports[name])
  let seen = 0
  port.postMessage('ready')
  for (;;) {
    for (let i = 0; i < spins && Atomics.load(control, words.job) === seen; i++);
    Atomics.wait(control, words.job, seen)
    seen = Atomics.load(control, words.job)
    if (Atomics.load(control, words.stop) === 1) break
    takeParts()
  }
  if (isNode) port.close()

  function takeParts() {
    Atomics.add(control, words.active, 1)
    for (;;) {
      const part = Atomics.add(control, words.next, 1)
      const parts = Atomics.load(control, words.parts)
      if (part >= parts) break
      const size = control[words.partSize]
      const first = control[words.first] + part * size
      const end = Math.min(first + size, control[words.end])
      const scratch = control[words.scratch] + slot * control[words.scratchStride]
      try {
        run[control[words.kernel]](control[words.argument], first, end, scratch)
      } catch (error) {
        // The main thread may be asleep until all parts are done, so it is told by the words before this thread ends.
        Atomics.store(control, words.failed, slot)
        finishPart(parts)
        leave()
        throw error
      }
      finishPart(parts)
    }
    leave()
  }

  /** @param {number} parts */
  function finishPart(parts) {
    if (Atomics.add(control, words.done, 1) + 1 === parts) Atomics.notify(control, words.done)
  }

  function leave() {
    if (Atomics.sub(control, words.active, 1) === 1) Atomics.notify(control, words.active)
  }
}
