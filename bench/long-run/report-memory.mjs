// Loaded before a program that the bench started with --expose-gc and a channel: whenever the bench asks, it collects what nobody holds any
// more and answers with the resident memory of the process, in bytes.
process.on('message', async () => {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc()
    await new Promise(setImmediate) // buffers are given back some turns after their owner
  }
  process.send(process.memoryUsage.rss())
})
process.channel.unref()
