/**
 * docs/scaling.md: its SQL does what the page says.
 */
import { readFileSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresStore } from '../../src/rag/stores/postgres/index.js'
import { DIMENSION, ENCODER, randomDocuments } from '../support/store-contract.js'
import { describePostgres } from './server.js'

const PAGE = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8')

/** The statements of the blocks of SQL, without those for Citus, which is not part of PostgreSQL. */
const STATEMENTS = [...PAGE.matchAll(/```sql\n(.*?)```/gs)]
  .map(([, block]) => block)
  .filter((block) => !block.startsWith('-- Citus'))
  .flatMap((block) => block.replace(/^--.*$/gm, '').split(';'))
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '')

describePostgres('docs/scaling.md', (server) => {
  const admin = new Client({ connectionString: server.url })
  beforeAll(() => admin.connect())
  afterAll(() => admin.end())

  test('its SQL gives each part an index of its own, and the search uses them', async () => {
    const store = await PostgresStore.openForWriting(server.url, {
      encoder: ENCODER,
      dimension: DIMENSION,
      partitions: 2,
    })
    await store.upsertAll(randomDocuments(2000))
    const question = [randomDocuments(4)[3].passages[0].vector]
    const exact = await store.search(question, 5)

    expect(STATEMENTS.length).toBeGreaterThan(6)
    for (const statement of STATEMENTS) await admin.query(statement)

    const { rows } = await admin.query<{ part: string; passages: string }>(
      STATEMENTS.find((statement) => statement.startsWith('SELECT tableoid'))!,
    )
    expect(rows.map(({ part }) => part)).toEqual(['glassformer.passages_0', 'glassformer.passages_1'])
    expect(rows.reduce((sum, { passages }) => sum + Number(passages), 0)).toBe(3000)
    for (const { passages } of rows) expect(Number(passages)).toBeGreaterThan(1000)

    await admin.query('SET enable_seqscan = off')
    const { rows: plan } = await admin.query<Record<'QUERY PLAN', string>>(
      'EXPLAIN SELECT id FROM glassformer.passages ORDER BY vector <#> $1 LIMIT 5',
      [JSON.stringify([...question[0]])],
    )
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    for (const part of ['passages_0_vector', 'passages_1_vector']) expect(text).toContain(`Index Scan using ${part}`)
    const [[best]] = await store.search(question, 5)
    expect(best.id).toBe(exact[0][0].id)

    const reader = await PostgresStore.open(server.url.replace('postgres@', 'reader@'))
    expect((await reader.search(question, 1, { exact: true }))[0][0].id).toBe(best.id)
    await expect(reader.delete(['doc-1'])).rejects.toMatchObject({ code: 'refused' })
    await reader.close()
    await store.close()
  })
})
