import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { RagRetriever, RagSequenceForGeneration, RagTokenizer } from '../../src/rag/index.js'
import { ragFolder, writeRagFolder } from '../support/rag-folder.js'

test('examples/seed.ts answers on a small checkpoint in the layout of Hugging Face', async () => {
  const here = process.cwd()
  const folder = await mkdtemp(join(tmpdir(), 'rag-'))
  try {
    await writeRagFolder('rag/sequence-bart', join(folder, 'facebook/rag-sequence-nq'))
    process.chdir(folder)
    const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
    await import('../../examples/seed.js')
    const [[answers]] = printed.mock.calls as [[string[]]]

    const files = await ragFolder('rag/sequence-bart')
    const retriever = await RagRetriever.fromPretrained(files)
    const model = await RagSequenceForGeneration.fromPretrained(files, { retriever })
    const tokenizer = await RagTokenizer.fromPretrained(files)
    const { sequences } = await model.generate(tokenizer('What is the capital of France?'))
    expect(answers).toEqual([tokenizer.generator.decode(sequences[0])])
    expect(answers[0].length).toBeGreaterThan(0)
    model.dispose()
  } finally {
    vi.restoreAllMocks()
    process.chdir(here)
    await rm(folder, { recursive: true })
  }
})
