/**
 * A program that writes to a store until it is killed: `killed-writer.ts PLACE SCHEMA FIRST`, where PLACE is a file or the URL of a database. It
 * makes one change after the other, numbered from FIRST on, and prints the number of each that is done.
 */
import { writeSync } from 'node:fs'
import { FlatFileStore } from '../../src/rag/index.js'
import { PostgresStore } from '../../src/rag/stores/postgres/index.js'
import { changeOf, KIND } from './numbered-changes.js'

const [place, schema, first] = process.argv.slice(2)
writeSync(1, 'ready\n')
const store = place.startsWith('postgres:')
  ? await PostgresStore.openForWriting(place, { ...KIND, schema })
  : await FlatFileStore.openForWriting(place, KIND)
for (let number = Number(first); ; number++) {
  const { id, document } = changeOf(number)
  if (document) await store.upsert(document)
  else await store.delete([id])
  writeSync(1, `${number}\n`)
  if (number % 7 === 6) await store.search([new Float32Array(KIND.dimension)], 1) // a file is made anew by that
}
