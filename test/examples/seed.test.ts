import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { RagRetriever, RagSequenceForGeneration, RagTokenizer } from '../../src/rag/index.js'
import { ragFolder } from '../support/rag-folder.js'

test('examples/seed.ts answers on a small checkpoint in the layout of Hugging Face', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rag-'))
  const files = await ragFolder('rag/sequence-bart')
  try {
    for (const [name, content] of files) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
    vi.spyOn(process, 'argv', 'get').mockReturnValue(['node', 'seed.ts', folder])
    await import('../../examples/seed.js')
    const [[answers]] = printed.mock.calls as [[string[]]]

    const retriever = await RagRetriever.fromPretrained(files)
    const model = await RagSequenceForGeneration.fromPretrained(files, { retriever })
    const tokenizer = await RagTokenizer.fromPretrained(files)
    const { sequences } = await model.generate(tokenizer('What is the capital of France?'))
    expect(answers).toEqual([tokenizer.generator.decode(sequences[0])])
    expect(answers[0].length).toBeGreaterThan(0)
    model.dispose()
  } finally {
    vi.restoreAllMocks()
    await rm(folder, { recursive: true })
  }
})
