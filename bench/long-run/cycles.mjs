// A process that loads the pipeline, asks one question and disposes of everything, again and again, and says after each that it has done so.
// node cycles.mjs DIST_INDEX CYCLES
import { pathToFileURL } from 'node:url'

const [library, cycles] = process.argv.slice(2)
const { Rag } = await import(pathToFileURL(library).href)
const passages = [{ title: 'Arlen', text: 'Arlen is a country in Europe. Its capital is Brask.' }]

for (let cycle = 1; cycle <= Number(cycles); cycle++) {
  const rag = await Rag.fromPretrained()
  const { text } = await rag.ask('What is the capital of Arlen?', { passages })
  rag.dispose()
  if (text !== 'The capital of Arlen is Brask.') throw new Error(`cycle ${cycle}: answered ${JSON.stringify(text)}`)
  process.stdout.write(`${cycle}\n`)
  await new Promise((resolve) => process.stdin.once('data', resolve)) // the memory is looked at between two cycles
}
process.exit(0)
