/**
 * The three ways to mix passages, in words.
 */
import type { RagMode } from 'glassformer'

export const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

export const MODE_NAMES: Readonly<Record<RagMode, { readonly title: string; readonly explains: string }>> = {
  conditioned: {
    title: 'Conditioned',
    explains:
      'A passage that says “I don’t know.” is sure of itself and would win. So each prior is multiplied by the probability that the passage answers at all. From then on it is RAG-Sequence: one passage is behind the whole answer, and each token shifts the weights to those that expected it.',
  },
  'rag-sequence': {
    title: 'RAG-Sequence',
    explains:
      'One passage is behind the whole answer; which one is not known. The weights begin as the prior, and each written token shifts them to the passages that expected it.',
  },
  'rag-token': {
    title: 'RAG-Token',
    explains:
      'Each token may come from another passage. The weights are the prior at every step, whatever was written before.',
  },
}
