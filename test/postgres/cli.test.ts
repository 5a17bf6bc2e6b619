import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Answer } from '../../src/rag/index.js'
import { runCli } from '../support/cli.js'
import { describePostgres } from './server.js'

describePostgres('glassformer with --store', (server) => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'glassformer-'))
    writeFileSync(join(folder, 'france.txt'), 'France is a country in Europe. Its capital is Paris.')
    writeFileSync(join(folder, 'tea.md'), '# Tea\n\nTea is a drink made of leaves.')
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  const store = ['--store', server.url, '--schema', 'my notes']

  test('index and ask work on PostgreSQL as on a file', async () => {
    const first = await runCli(['index', folder, ...store])
    expect(first).toMatchObject({ code: 0 })
    expect(first.stdout).toBe(
      'PostgreSQL, schema my notes: 2 passages, 384 dimensions, float32; documents: 2 embedded, 0 unchanged, 0 removed\n',
    )
    rmSync(join(folder, 'tea.md'))
    const second = await runCli(['index', folder, ...store])
    expect(second.stdout).toContain('0 embedded, 1 unchanged, 1 removed')

    const { code, stdout } = await runCli(['ask', 'What is the capital of France?', ...store, '--json'])
    expect(code).toBe(0)
    const { text, passages } = JSON.parse(stdout) as Answer
    expect(text).toBe('The capital of France is Paris.')
    expect(passages[0].source).toMatchObject({ file: join(folder, 'france.txt'), start: 0 })
    expect(passages[0].scores!.rrf).toBeCloseTo(2 / 61, 12)
    expect(passages[0].scores!.text).toBeGreaterThan(0)
  })

  test('many small documents go in together; one that the database cannot keep is skipped', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => JSON.stringify({ id: `r${i}`, text: `Number ${i}.` }))
    const [good, bad] = ['good', 'bad'].map((name) => join(folder, `${name}.jsonl`))
    writeFileSync(good, lines.join('\n'))
    writeFileSync(bad, JSON.stringify({ text: 'Text.', kind: 'a\0b' }))
    const many = ['--store', server.url, '--schema', 'many']
    const { stdout, stderr } = await runCli(['index', bad, good, ...many])
    expect(stdout).toContain('300 embedded')
    expect(stderr).toContain(`skipped: "kind" of document "${bad}#1"`)
    const client = new Client({ connectionString: server.url })
    await client.connect()
    const { rows } = await client.query('SELECT count(DISTINCT xmin::text)::int AS transactions FROM many.documents')
    await client.end()
    // of the first 256 one was refused, so the others went in one by one; the other 45 together
    expect(rows).toEqual([{ transactions: 255 + 1 }])
  })

  test.each([
    [['ask', 'Q', '--store', 'mysql://x'], 2, 'begins with postgres://'],
    [['ask', 'Q', '--store', 'postgres://x', '--index', 'y'], 2, 'exclude each other'],
    [['ask', 'Q', '--schema', 'x'], 2, '--schema is for --store'],
    [['ask', 'Q', '--vectors-only'], 2, '--vectors-only is for'],
    [['index', 'x.txt', '--store', 'postgres://x', '--out', 'y'], 2, 'exclude each other'],
    [['index', 'x.txt', '--store', 'postgres://x', '--dtype', 'int8'], 2, '--dtype is for --out'],
    [['ask', 'Q', '--store', server.url, '--schema', 'none'], 1, 'there is no store'],
  ])('%j is refused', async (args, code, message) => {
    const result = await runCli(args)
    expect(result).toMatchObject({ code, stdout: '' })
    expect(result.stderr).toContain(message)
  })
})
