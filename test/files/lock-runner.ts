/**
 * A process that takes part in races for a lock: told a path and a moment, it tries to hold the path then, and says what came of it; told
 * `release`, it gives the path back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { holdFile } from '../../src/files/node-file.js'

let giveBack: (() => Promise<void>) | undefined

async function answer(message: { path: string; at: number } | 'release'): Promise<string> {
  if (message === 'release') {
    await giveBack?.()
    giveBack = undefined
    return 'released'
  }
  await sleep(message.at - Date.now() - 2)
  while (Date.now() < message.at); // all begin in the same millisecond
  try {
    giveBack = await holdFile(message.path)
    return 'held'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

process.on('message', (message: Parameters<typeof answer>[0]) => {
  void answer(message).then((said) => process.send!(said))
})
process.send!('ready')
