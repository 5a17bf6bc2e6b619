import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PostgresStore, type PostgresWriteOptions } from '../../src/rag/stores/postgres/index.js'
import { searchSettings, vectorSearch } from '../../src/rag/stores/postgres/search-statements.js'
import type { StoredDocument } from '../../src/rag/index.js'
import { halt, startAgain } from '../support/postgres-server.js'
import { randomNumbers } from '../support/random.js'
import { DIMENSION, ENCODER, randomDocuments, storeContract, unit } from '../support/store-contract.js'
import { textSearchContract } from '../support/text-search-contract.js'
import { describePostgres } from './server.js'

let schemas = 0

function vectors(count: number, seed: number): Float32Array[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, () => unit(Float32Array.from({ length: DIMENSION }, next)))
}

/** One document with one passage. */
function single(id: string, text: string, more: Partial<StoredDocument> = {}): StoredDocument {
  const [vector] = vectors(1, id.length + text.length)
  return { id, hash: 'h', passages: [{ id: `${id}#1`, title: '', text, vector }], ...more }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describePostgres('PostgreSQL', (server) => {
  const admin = new Client({ connectionString: server.url })
  admin.on('error', () => {})
  beforeAll(() => admin.connect())
  afterAll(() => admin.end().catch(() => {}))

  const open: PostgresStore[] = []
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close()
  })
  const name = () => `test_${process.pid}_${++schemas}`
  const write = async (options: Partial<PostgresWriteOptions> = {}) => {
    const store = await PostgresStore.openForWriting(server.url, {
      schema: name(),
      encoder: ENCODER,
      dimension: DIMENSION,
      ...options,
    })
    open.push(store)
    return store
  }

  for (const [kind, options] of [
    ['PostgreSQL', {}],
    ['PostgreSQL in 4 partitions', { partitions: 4 }],
  ] as const) {
    storeContract(
      kind,
      async () => {
        const schema = name()
        return {
          open: () =>
            PostgresStore.openForWriting(server.url, { schema, encoder: ENCODER, dimension: DIMENSION, ...options }),
          remove: async () => void (await admin.query(`DROP SCHEMA "${schema}" CASCADE`)),
        }
      },
      1e-6,
    )
  }

  textSearchContract(
    'PostgreSQL',
    async () => {
      const schema = name()
      return {
        store: await PostgresStore.openForWriting(server.url, { schema, encoder: ENCODER, dimension: DIMENSION }),
        remove: async () => void (await admin.query(`DROP SCHEMA "${schema}" CASCADE`)),
      }
    },
    1e-6,
  )

  describe('what a store is for', () => {
    test('is recorded, and questions of another encoder are refused', async () => {
      const schema = name()
      await write({ schema })
      const reader = await PostgresStore.open(server.url, { schema })
      open.push(reader)
      expect(reader).toMatchObject({ encoder: ENCODER, dimension: DIMENSION })
      await expect(write({ schema, encoder: { ...ENCODER, hash: 'b'.repeat(64) } })).rejects.toMatchObject({
        code: 'other-encoder',
      })
      await expect(write({ schema, encoder: { ...ENCODER, pooling: 'cls' } })).rejects.toMatchObject({
        code: 'other-encoder',
      })
      await expect(write({ schema, dimension: 13 })).rejects.toMatchObject({ code: 'other-store' })
      await expect(write({ schema, textSearch: 'simple' })).rejects.toMatchObject({ code: 'other-store' })
      await expect(write({ schema, partitions: 2 })).rejects.toMatchObject({ code: 'other-store' })
    })

    test('one that is not there cannot be searched, and looking for it makes nothing', async () => {
      const schema = name()
      await expect(PostgresStore.open(server.url, { schema })).rejects.toMatchObject({ code: 'no-store' })
      const { rows } = await admin.query('SELECT to_regnamespace($1) AS found', [schema])
      expect(rows).toEqual([{ found: null }])
    })

    test('many who begin the same store at once get the same', async () => {
      const schema = name()
      const stores = await Promise.all(Array.from({ length: 5 }, () => write({ schema })))
      await Promise.all(stores.map((store, i) => store.upsert(single(`d${i}`, 'text'))))
      expect(await stores[0].size()).toBe(5)
      const { rows } = await admin.query(`SELECT step FROM "${schema}".migrations ORDER BY step`)
      expect(rows).toEqual([{ step: 1 }, { step: 2 }])
    })

    test('tables of a newer version are left alone', async () => {
      const schema = name()
      await write({ schema })
      await admin.query(`INSERT INTO "${schema}".migrations (step, what) VALUES (99, 'from the future')`)
      await expect(PostgresStore.open(server.url, { schema })).rejects.toMatchObject({ code: 'newer-schema' })
      await expect(write({ schema })).rejects.toMatchObject({ code: 'newer-schema' })
    })

    test('a user who may only read can search', async () => {
      const schema = name()
      const store = await write({ schema })
      const document = single('d', 'text')
      await store.upsert(document)
      await admin.query(`
        CREATE ROLE "${schema}" LOGIN; GRANT USAGE ON SCHEMA "${schema}" TO "${schema}";
        GRANT SELECT ON ALL TABLES IN SCHEMA "${schema}" TO "${schema}"`)
      const reader = await PostgresStore.open(server.url.replace('postgres@', `${schema}@`), { schema })
      open.push(reader)
      expect((await reader.search([document.passages[0].vector], 1))[0]).toHaveLength(1)
      await expect(reader.upsert(document)).rejects.toMatchObject({ code: 'refused' })
    })

    test.each([
      [{ dimension: 0 }, 'bad-option'],
      [{ dimension: 20_000 }, 'bad-option'],
      [{ partitions: 1.5 }, 'bad-option'],
      [{ textSearch: "no'such" }, 'refused'],
    ])('%j is refused', async (options, code) => {
      const schema = name()
      await expect(write({ schema, ...options })).rejects.toMatchObject({ code })
      const { rows } = await admin.query('SELECT to_regnamespace($1) AS found', [schema])
      expect(rows).toEqual([{ found: null }])
    })
  })

  describe('names, keys and texts from outside', () => {
    test.each([
      'a"b',
      '"; DROP SCHEMA public CASCADE; --',
      "it's",
      'Über 🗼',
      'SELECT',
      'with space',
      '$1',
      '\\',
      'é'.repeat(31),
    ])('the schema %j is one like any other', async (schema) => {
      const store = await write({ schema })
      const document = single('d', 'text about towers')
      await store.upsert(document)
      await store.buildHnsw()
      const [vector] = [document.passages[0].vector]
      expect((await store.search([vector], 1))[0][0]).toMatchObject({ id: 'd#1' })
      expect(await store.searchText('tower', vector, 1)).toHaveLength(1)
      const { rows } = await admin.query('SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS there', [schema])
      expect(rows).toEqual([{ there: true }])
      await store.close()
      await admin.query(`DROP SCHEMA ${admin.escapeIdentifier(schema)} CASCADE`)
    })

    test.each(['', 'a\0b', '\ud800', 'pg_mine', 'x'.repeat(64), 'é'.repeat(32)])(
      'the schema %j is refused',
      async (schema) => {
        await expect(write({ schema })).rejects.toMatchObject({ code: 'bad-name' })
        await expect(PostgresStore.open(server.url, { schema })).rejects.toMatchObject({ code: 'bad-name' })
      },
    )

    test('keys that the database cannot hold are refused, and never found', async () => {
      const store = await write()
      await store.upsert(single('a\ufffdb', 'text', { metadata: { key: 'a\ufffdb' } }))
      for (const bad of ['a\0b', 'a\ud800b', 'x'.repeat(2001)]) {
        await expect(store.upsert(single(bad, 'text'))).rejects.toMatchObject({ code: 'not-storable' })
      }
      for (const bad of ['a\0b', 'a\ud800b']) {
        const refused = { code: 'not-storable' }
        await expect(store.upsert(single('d', 'text', { hash: bad }))).rejects.toMatchObject(refused)
        await expect(store.upsert(single('d', 'text', { metadata: { [bad]: 1 } }))).rejects.toMatchObject(refused)
        await expect(store.upsert(single('d', 'text', { metadata: { key: bad } }))).rejects.toMatchObject(refused)
        await store.delete([bad])
        const [query] = vectors(1, 1)
        expect(await store.search([query], 1, { filter: { key: bad } })).toEqual([[]])
        expect(await store.search([query], 1, { filter: { [bad]: 1 } })).toEqual([[]])
        expect(await store.searchText(bad, query, 1)).toEqual([])
      }
      expect(await all(store.documents())).toEqual([{ id: 'a\ufffdb', hash: 'h' }])
    })

    test('in texts U+FFFD stands for what the database cannot hold, and every other character is at its place', async () => {
      const store = await write()
      const text = `a\0b \ud83d c\udc00 🗼 ' " \\ \n\r\t \u2028 \ufeff`
      const [vector] = vectors(1, 3)
      const source = { file: 'a\0.txt', headingPath: ['\ud800'], start: 0, end: text.length }
      await store.upsert({ id: 'd', hash: 'h', passages: [{ id: 'p', title: '\0', text, source, vector }] })
      const [[hit]] = await store.search([vector], 1)
      expect(hit.text).toBe(`a\ufffdb \ufffd c\ufffd 🗼 ' " \\ \n\r\t \u2028 \ufeff`)
      expect(hit.text).toHaveLength(text.length)
      expect(hit.title).toBe('\ufffd')
      expect(hit.source).toEqual(source)
    })

    test('a text of a megabyte is kept whole, and its beginning is searched', async () => {
      const store = await write()
      const words = Array.from({ length: 150_000 }, (_, i) => `w${i.toString(36)}x`)
      const text = words.join(' ')
      expect(text.length).toBeGreaterThan(900_000)
      const document = single('big', text)
      await store.upsert(document)
      const [vector] = [document.passages[0].vector]
      expect((await store.search([vector], 1))[0][0].text === text).toBe(true)
      expect(await store.searchText('w1x', vector, 1)).toHaveLength(1)
      expect(await store.searchText(words.at(-1)!, vector, 1)).toEqual([])
    })

    test('values in filters and questions are only values', async () => {
      const store = await write()
      const attack = `x') OR true; DROP TABLE passages; --`
      await store.upsert(single('d', 'a harmless text', { metadata: { [attack]: attack } }))
      const [query] = vectors(1, 1)
      expect((await store.search([query], 1, { filter: { [attack]: attack } }))[0]).toHaveLength(1)
      expect(await store.search([query], 1, { filter: { [attack]: 'x' } })).toEqual([[]])
      for (const question of [attack, "' | 'a", 'a & !b | (c', ':*', '<->', '\\', '$1']) {
        expect(await store.searchText(question, query, 1)).toEqual([])
      }
      expect(await store.searchText(`harmless ${attack}`, query, 1)).toHaveLength(1)
      for (const question of ['harmless\0text', '\ud800 harmless', `${'y'.repeat(3000)} harmless`]) {
        expect(await store.searchText(question, query, 1)).toHaveLength(1)
      }
      const words = Array.from({ length: 4000 }, (_, i) => i.toString(36)).join(' ').slice(0, 9990) // prettier-ignore
      expect(await store.searchText(`${words} harmless`.slice(-10_000), query, 1)).toHaveLength(1)
      const long = store.searchText('harmless text '.repeat(70_000), query, 1)
      await expect(long).rejects.toMatchObject({ code: 'question-too-long' })
    })
  })

  describe('many at once', () => {
    test('a reader never sees a part of a document', async () => {
      const schema = name()
      const [writer, reader] = [await write({ schema }), await write({ schema })]
      const [query] = vectors(1, 1)
      const version = (v: number): StoredDocument => ({
        id: 'd',
        hash: `v${v}`,
        passages: Array.from({ length: 5 + (v % 3) * 10 }, (_, p) => ({
          id: `v${v}#${p}`,
          title: '',
          text: `${5 + (v % 3) * 10}`,
          vector: query,
        })),
      })
      await writer.upsert(version(0))
      let writing = true
      const seen = new Set<string>()
      const reading = (async () => {
        while (writing) {
          const [hits] = await reader.search([query], 100)
          expect(new Set(hits.map(({ id }) => id.split('#')[0])).size).toBe(1)
          expect(hits).toHaveLength(Number(hits[0].text))
          seen.add(hits[0].id.split('#')[0])
        }
      })()
      for (let v = 1; v < 40; v++) await writer.upsert(version(v))
      writing = false
      await reading
      expect(seen.size).toBeGreaterThan(1)
    })

    test('those who replace the same documents do it one after the other', async () => {
      const schema = name()
      const stores = await Promise.all([write({ schema }), write({ schema }), write({ schema })])
      const documents = randomDocuments(40)
      await Promise.all(
        stores.flatMap((store, i) => [
          store.upsertAll(documents),
          store.upsertAll([...documents].reverse()),
          store.upsert(documents[i]),
        ]),
      )
      expect(await stores[0].size()).toBe(60)
    })

    test('more searches than connections wait for their turn', async () => {
      const store = await write({ maxConnections: 2 })
      const document = single('d', 'text')
      await store.upsert(document)
      const found = await Promise.all(Array.from({ length: 30 }, () => store.search([document.passages[0].vector], 1)))
      expect(found.flat().every(([hit]) => hit.id === 'd#1')).toBe(true)
      const { rows } = await admin.query(
        "SELECT count(*)::int AS used FROM pg_stat_activity WHERE application_name = 'glassformer'",
      )
      expect(rows[0].used).toBeLessThanOrEqual(2)
    })
  })

  describe('loading', () => {
    test('goes in lots, of which a later document takes the place of an earlier one', async () => {
      const store = await write()
      const documents = randomDocuments(1200)
      const progress: number[] = []
      const again = { ...documents[3], hash: 'again' }
      const count = await store.upsertAll([...documents, again], { onProgress: (done) => progress.push(done) })
      expect(await store.size()).toBe(1800)
      expect(progress.length).toBeGreaterThan(2)
      expect(progress.at(-1)).toBe(count)
      const stamps = await all(store.documents())
      expect(stamps).toHaveLength(1200)
      expect(stamps.find(({ id }) => id === 'doc-3')).toEqual({ id: 'doc-3', hash: 'again' })
    })

    test('stops at a wrong document, and keeps the lots before', async () => {
      const store = await write()
      const documents = randomDocuments(1200)
      const wrong = { ...documents[3], id: 'wrong\0' }
      await expect(store.upsertAll([...documents, wrong])).rejects.toMatchObject({ code: 'not-storable' })
      expect(await store.size()).toBeGreaterThan(0)
      expect((await all(store.documents())).some(({ id }) => id.startsWith('wrong'))).toBe(false)
    })
  })

  describe('HNSW', () => {
    const documents = Array.from({ length: 10_000 }, (_, d): StoredDocument => {
      const [vector] = vectors(1, 1000 + d)
      return {
        id: `d${d}`,
        hash: 'h',
        metadata: { rare: d % 1000 === 0 },
        passages: [{ id: `p${d}`, title: '', text: '', vector }],
      }
    })
    let store: PostgresStore
    const schema = `hnsw_${process.pid}`
    beforeAll(async () => {
      store = await PostgresStore.openForWriting(server.url, { schema, encoder: ENCODER, dimension: DIMENSION })
      await store.upsertAll(documents)
      await store.buildHnsw({ m: 16, efConstruction: 100, memory: 64 })
      await admin.query(`ANALYZE "${schema}".passages, "${schema}".documents`)
    })
    afterAll(() => store.close())
    /** How the database goes about a search. */
    const plan = async (exact: boolean) => {
      const [settings, search] = [
        searchSettings(10, 60, exact),
        vectorSearch({ schema, vector: JSON.stringify([...vectors(1, 7)[0]]), k: 10 }),
      ]
      await admin.query('BEGIN')
      await admin.query(settings.text, [...settings.values])
      const { rows } = await admin.query(`EXPLAIN ${search.text}`, [...search.values])
      await admin.query('COMMIT')
      return rows.map((row) => row['QUERY PLAN'] as string).join('\n')
    }
    const ids = (hits: readonly { readonly id: string }[]) => hits.map(({ id }) => id)

    test('finds nearly what the exact search finds, through the index', async () => {
      const queries = vectors(50, 7)
      const exact = await store.search(queries, 10, { exact: true })
      for (const [i, query] of queries.entries()) {
        const best = documents
          .map(({ passages: [{ id, vector }] }) => ({
            id,
            score: vector.reduce((sum, value, j) => sum + value * query[j], 0),
          }))
          .sort((a, b) => b.score - a.score)
        expect(ids(exact[i])).toEqual(ids(best.slice(0, 10)))
      }
      const near = await store.search(queries, 10, { efSearch: 60 })
      const recall = near.flatMap((hits, i) => hits.filter(({ id }) => ids(exact[i]).includes(id))).length / 500
      expect(recall).toBeGreaterThan(0.95)
      expect(await plan(false)).toContain('Index Scan using passages_vector')
      expect(await plan(true)).not.toContain('passages_vector')
    })

    test('finds as many as are asked for, whatever the filter leaves', async () => {
      const [hits] = await store.search(vectors(1, 8), 10, { filter: { rare: true } })
      expect(hits).toHaveLength(10)
      expect(hits.map(({ score }) => score)).toEqual([...hits.map(({ score }) => score)].sort((a, b) => b - a))
      expect((await store.search(vectors(1, 8), 1500))[0]).toHaveLength(1500)
    })

    test('can be built again, and taken away', async () => {
      const other = await write()
      await other.upsertAll(documents.slice(0, 100))
      await other.buildHnsw()
      await other.buildHnsw({ m: 8, efConstruction: 32 })
      await other.dropHnsw()
      expect((await other.search(vectors(1, 8), 5))[0]).toHaveLength(5)
    })

    test.each([{ m: 1 }, { m: 200 }, { m: 40, efConstruction: 64 }, { efConstruction: 2000 }, { memory: 0.5 }])(
      '%j is refused',
      async (options) => {
        await expect(store.buildHnsw(options)).rejects.toMatchObject({ code: 'bad-option' })
      },
    )

    test('an efSearch out of bounds is refused', async () => {
      for (const efSearch of [0, 1001, 1.5]) {
        await expect(store.search(vectors(1, 8), 1, { efSearch })).rejects.toMatchObject({ code: 'bad-option' })
      }
    })
  })

  describe('words', () => {
    test('find the passages that have them, with rank and dot product', async () => {
      const store = await write()
      const texts = [
        'The tower of Paris is of iron.',
        'Towers, towers, towers!',
        'A bridge in London.',
        'It is of the.',
      ]
      const stored = texts.map((text, i) => single(`d${i}`, text, { metadata: { even: i % 2 === 0 } }))
      await store.upsertAll(stored)
      const [query] = vectors(1, 4)
      const hits = await store.searchText('How old is the Tower of Paris?', query, 10)
      expect(hits.map(({ id }) => id).sort()).toEqual(['d0#1', 'd1#1'])
      for (const { id, score } of hits) {
        const { vector } = stored.flatMap(({ passages }) => passages).find((passage) => passage.id === id)!
        expect(score).toBeCloseTo(
          vector.reduce((sum, value, i) => sum + value * query[i], 0),
          5,
        )
      }
      // ts_rank of the manual: a word that occurs once weighs 0.1 for D, of two words asked half of that; divided by 1 + ln of the length
      const { rows } = await admin.query(
        "SELECT ts_rank(to_tsvector('english', ' ' || $1), 'tower | pari | old'::tsquery, 1)::float8 AS rank",
        [texts[0]],
      )
      expect(hits.find(({ id }) => id === 'd0#1')!.textScore).toBeCloseTo(rows[0].rank, 6)
      expect(hits[0].textScore).toBeGreaterThanOrEqual(hits[1].textScore)
      expect(await store.searchText('tower', query, 10, { filter: { even: false } })).toMatchObject([{ id: 'd1#1' }])
      expect(await store.searchText('of the is', query, 10)).toEqual([])
      expect(await store.searchText('tower', query, 1)).toHaveLength(1)
    })

    test('are those of the configuration that the store was begun with', async () => {
      const store = await write({ textSearch: 'simple' })
      await store.upsert(single('d', 'Die Türme'))
      const [query] = vectors(1, 4)
      expect(await store.searchText('türme', query, 1)).toHaveLength(1)
      expect(await store.searchText('turm', query, 1)).toEqual([])
    })
  })

  describe('cancelling and breaking', () => {
    const busy = async () => {
      const { rows } = await admin.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'glassformer' AND state = 'active'",
      )
      return rows.map(({ pid }) => pid as number)
    }
    /** A lock on the passages: who reads them waits. */
    const withLock = async (schema: string, action: () => Promise<void>) => {
      const other = new Client({ connectionString: server.url })
      await other.connect()
      await other.query(`BEGIN; LOCK TABLE "${schema}".passages IN ACCESS EXCLUSIVE MODE`)
      try {
        await action()
      } finally {
        await other.end()
      }
    }
    const until = async (condition: () => Promise<boolean>) => {
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
    }

    test('a signal stops the search on the server, and the store goes on', async () => {
      const schema = name()
      const store = await write({ schema })
      const document = single('d', 'text')
      await store.upsert(document)
      const question = [document.passages[0].vector]
      await withLock(schema, async () => {
        const controller = new AbortController()
        const search = store.search(question, 1, { signal: controller.signal })
        await until(async () => (await busy()).length === 1)
        controller.abort(new Error('enough'))
        await expect(search).rejects.toMatchObject({ name: 'AbortError', code: 'aborted', cause: new Error('enough') })
        await until(async () => (await busy()).length === 0) // the lock is still held, so it was stopped
      })
      expect((await store.search(question, 1))[0]).toHaveLength(1)
    })

    test('a statement that takes too long is ended', async () => {
      const schema = name()
      const store = await write({ schema, statementTimeout: 100 })
      await withLock(schema, async () => {
        await expect(store.search(vectors(1, 1), 1)).rejects.toMatchObject({ code: 'statement-timeout' })
      })
      expect(await store.search(vectors(1, 1), 1)).toEqual([[]])
    })

    test('a search whose connection is ended is done again on another', async () => {
      const schema = name()
      const store = await write({ schema })
      const document = single('d', 'text')
      await store.upsert(document)
      let search: Promise<unknown> = Promise.resolve()
      await withLock(schema, async () => {
        search = store.search([document.passages[0].vector], 1)
        await until(async () => (await busy()).length === 1)
        const [pid] = await busy()
        await admin.query('SELECT pg_terminate_backend($1)', [pid])
        await until(async () => (await busy()).some((other) => other !== pid))
      })
      expect(await search).toMatchObject([[{ id: 'd#1' }]])
    })

    test('a loading whose connections are ended is complete all the same', async () => {
      const store = await write()
      const documents = randomDocuments(3000)
      let lots = 0
      await store.upsertAll(documents, {
        onProgress: () => {
          lots++
          void admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'glassformer'",
          )
        },
      })
      expect(lots).toBeGreaterThan(4)
      expect(await store.size()).toBe(4500)
    })

    test('where no server answers the error says so', async () => {
      const nobody = 'postgres://postgres@127.0.0.1:1/postgres'
      await expect(PostgresStore.open(nobody, { reconnectTimeout: 100 })).rejects.toMatchObject({ code: 'unreachable' })
      await expect(PostgresStore.open('no url', { reconnectTimeout: 100 })).rejects.toMatchObject({
        name: 'PostgresError',
      })
    })

    test('a store outlives a restart of the server', async () => {
      const schema = name()
      const store = await write({ schema, reconnectTimeout: 60_000 })
      const document = single('d', 'text')
      await store.upsert(document)
      halt(server)
      const searches = Array.from({ length: 3 }, () => store.search([document.passages[0].vector], 1))
      const upsert = store.upsert(single('e', 'text'))
      startAgain(server)
      for (const [hits] of await Promise.all(searches)) expect(hits.map(({ id }) => id)).toContain('d#1')
      await upsert
      expect(await store.size()).toBe(2)
    })
  })
})
