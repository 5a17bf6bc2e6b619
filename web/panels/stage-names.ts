/**
 * The stages of a search, in a word each.
 */
import type { SearchStage } from '../protocol.js'

export const STAGE_NAMES: Readonly<Record<SearchStage['name'], string>> = {
  dot: 'vectors',
  text: 'words',
  rrf: 'fusion',
  reranker: 'reranker',
}
