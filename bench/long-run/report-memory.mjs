// Loaded before a program that the bench started with --expose-gc and a channel: whenever the bench asks, it collects what nobody holds any
// more and answers with the resident memory of the process, in bytes.
import { setImmediate } from 'node:timers/promises'

process.on('message', async () => {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc()
    await setImmediate() // buffers are given back some turns after their owner
  }
  process.send(process.memoryUsage.rss())
})
process.channel.unref()
