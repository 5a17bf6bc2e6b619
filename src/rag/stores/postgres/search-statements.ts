/**
 * The statements that search. What comes from outside is bound: a statement is its text and its values.
 */
import type { Filter } from '../store.js'
import { isStorable } from './storable.js'

export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** A passage as it is read. */
export interface PassageRow {
  readonly id: string
  readonly title: string
  readonly text: string
  readonly source: unknown
  readonly metadata: unknown
}

/** A row of a search. */
export interface FoundRow extends PassageRow {
  readonly score: number
  /** Of a search for words. */
  readonly textScore?: number
}

/** How far HNSW is searched, at least and at most: pgvector's own bounds. */
const DEFAULT_EF_SEARCH = 40
const MOST_EF_SEARCH = 1000

export interface VectorSearch {
  /** Schema in quotes. */
  readonly schema: string
  /** As pgvector reads it. */
  readonly vector: string
  readonly k: number
  readonly filter?: Filter
}

/** The passage of an id. @param schema in quotes */
export function passageOf({ schema, id }: { readonly schema: string; readonly id: string }): Statement {
  return {
    values: [id],
    text: `
      SELECT p.id, p.title, p.text, p.source, d.metadata
      FROM ${schema}.passages p JOIN ${schema}.documents d ON d.key = p.document
      WHERE p.id = $1 LIMIT 1`,
  }
}

/** The k passages with the largest dot products. `<#>` is the negative of it, so that the least is the best. */
export function vectorSearch({ schema, vector, k, filter }: VectorSearch): Statement {
  const values: unknown[] = [vector, k]
  const where = filter ? `WHERE p.document IN (${documentsOf(schema, filter, values)})` : ''
  return {
    values,
    text: `
      SELECT p.id, p.title, p.text, p.source, d.metadata, -p.distance AS score
      FROM (
        SELECT p.*, p.vector <#> $1::vector AS distance
        FROM ${schema}.passages p ${where}
        ORDER BY p.vector <#> $1::vector LIMIT $2
      ) p JOIN ${schema}.documents d ON d.key = p.document
      ORDER BY p.distance`,
  }
}

/**
 * The k passages in which the words of a question weigh most. Any of the words is enough: all of them, as the database would have it, stand
 * in few passages. The rank is divided by 1 + ln(length), so that long passages are not better for being long.
 */
export function wordSearch({
  schema,
  vector,
  k,
  filter,
  question,
  textSearch,
}: VectorSearch & { readonly question: string; readonly textSearch: string }): Statement {
  const values: unknown[] = [vector, k, question, textSearch]
  const where = filter ? `AND p.document IN (${documentsOf(schema, filter, values)})` : ''
  return {
    values,
    text: `
      WITH asked AS (
        SELECT replace(plainto_tsquery($4::regconfig, $3)::text, ' & ', ' | ')::tsquery AS query
      )
      SELECT p.id, p.title, p.text, p.source, d.metadata, -(p.vector <#> $1::vector) AS score, p.rank AS "textScore"
      FROM (
        SELECT p.*, ts_rank(p.words, asked.query, 1) AS rank
        FROM ${schema}.passages p, asked
        WHERE p.words @@ asked.query ${where}
        ORDER BY rank DESC, p.document, p.position LIMIT $2
      ) p JOIN ${schema}.documents d ON d.key = p.document
      ORDER BY p.rank DESC, p.document, p.position`,
  }
}

/**
 * What holds for the statements of one search: how far an HNSW index is searched, that the search goes on while a filter leaves too little,
 * and whether the index is used at all.
 */
export function searchSettings(k: number, efSearch = DEFAULT_EF_SEARCH, exact = false): Statement {
  const ef = Math.min(Math.max(k, efSearch), MOST_EF_SEARCH)
  return {
    text: `SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'strict_order', true),
      set_config('enable_indexscan', $2, true)`,
    values: [String(ef), exact ? 'off' : 'on'],
  }
}

/**
 * The keys of the documents that a filter names: they have the value, or a list with it. Containment of JSON compares type and value, and has
 * an index.
 */
function documentsOf(schema: string, filter: Filter, values: unknown[]): string {
  const conditions = Object.entries(filter).map(([key, wanted]) => {
    const possible = [wanted]
      .flat()
      .filter((value) => isStorable(key) && (typeof value !== 'string' || isStorable(value)))
    const alternatives = possible.flatMap((value) =>
      [value, [value]].map((held) => {
        values.push(JSON.stringify({ [key]: held }))
        return `f.metadata @> $${values.length}::jsonb`
      }),
    )
    return alternatives.length > 0 ? `(${alternatives.join(' OR ')})` : 'false'
  })
  return `SELECT f.key FROM ${schema}.documents f WHERE ${conditions.join(' AND ') || 'true'}`
}
