import { Client } from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../../src/rag/stores/postgres/index.js'
import { killRuns } from '../support/kill-runs.js'
import { KIND } from '../support/numbered-changes.js'
import { haltAtOnce, startAgain } from '../support/postgres-server.js'
import { describePostgres } from './server.js'

/** `KILLS=200` is the measurement of docs/security.md. */
const KILLS = Number(process.env.KILLS ?? 5)

describePostgres('PostgreSQL', (server) => {
  test(
    `a store whose writer is killed ${KILLS} times holds every finished document, once`,
    { timeout: 3_600_000 },
    async () => {
      const schema = `killed_${process.pid}`
      let [crashes, opened] = [0, 0]
      const { done, more } = await killRuns({
        runs: KILLS,
        place: [server.url, schema],
        open: async () => {
          if (++opened % 5 === 0) {
            // now and then the server dies too, and finds its own way back
            haltAtOnce(server)
            startAgain(server)
            crashes++
          }
          await everybodyGone(server.url)
          return PostgresStore.openForWriting(server.url, { ...KIND, schema })
        },
        close: (store) => store.close(),
      })
      console.log(
        `PostgreSQL: killed ${KILLS} times in ${done} changes, the server ${crashes} times; ${more} of those that it was at were done`,
      )
      expect(done).toBeGreaterThan(0)
    },
  )
})

/** Waits until the server has noticed that the writer is dead: it may still be at the last change. */
async function everybodyGone(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (;;) {
      const { rows } = await client.query<{ others: string }>(
        `SELECT count(*) AS others FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      )
      if (rows[0].others === '0') return
    }
  } finally {
    await client.end()
  }
}
