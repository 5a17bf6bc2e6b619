/**
 * A process that takes part in races for a lock: told a path and a moment, it tries to hold the path then, and says what came of it; told
 * `release`, it gives the path back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { holdFile } from '../../src/files/node-file.js'

let giveBack: (() => Promise<void>) | undefined

process.on('message', async (message: { path: string; at: number } | 'release') => {
  if (message === 'release') {
    await giveBack?.()
    giveBack = undefined
    return void process.send!('released')
  }
  await sleep(message.at - Date.now() - 2)
  while (Date.now() < message.at); // all begin in the same millisecond
  try {
    giveBack = await holdFile(message.path)
    process.send!('held')
  } catch (error) {
    process.send!((error as { code?: string }).code ?? String(error))
  }
})
process.send!('ready')
