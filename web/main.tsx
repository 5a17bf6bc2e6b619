/**
 * The page's script.
 */
import { createEngine } from './engine/client.js'

const output = document.querySelector('#app')!
const engine = createEngine()
try {
  await engine.load(
    { kind: 'default' },
    { onProgress: ({ what, done, total }) => (output.textContent = `${what}: ${done} of ${total}`) },
  )
  const scene = {
    question: 'What is the capital of France?',
    passages: undefined,
    topK: 5,
    mode: 'conditioned',
    dropped: [],
    scores: {},
    ablated: [],
  } as const
  const { answer } = await engine.walk(scene, { onWriting: (text) => (output.textContent = text) })
  output.textContent = answer.text
} catch (error) {
  output.textContent = (error as Error).message
}
