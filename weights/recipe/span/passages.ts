/**
 * Passages to train the span reader on, split as `glassformer index` splits documents. Each folder or file given is read; those whose names match
 * --without are kept out. npx tsx weights/recipe/span/passages.ts OUT.jsonl NAME=PATH [NAME=PATH …] [--without REGEX]
 */
import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { documentFiles, openDocuments, splitDocument } from '../../../src/documents/index.js'
import { AutoTokenizer } from '../../../src/tokenizer/index.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', default: '^$' }, tokens: { type: 'string', default: '128' } },
})
const [target, ...sources] = positionals
const without = new RegExp(values.without)
const tokenizer = await AutoTokenizer.fromPretrained('weights/all-MiniLM-L6-v2')
const counter = { maxLength: 512, countTokens: (text: string) => tokenizer.encode(text).ids.length }

const out = createWriteStream(target)
for (const source of sources) {
  const [name, path] = source.split('=')
  const seen = new Set<string>()
  let [files, failed] = [0, 0]
  for (const file of await documentFiles([path])) {
    if (without.test(file.path)) continue
    files++
    const bytes = await file.open()
    try {
      for await (const entry of openDocuments(bytes, file.path, file.format)) {
        const document = await entry.load()
        for (const { title, text, source } of await splitDocument(document, counter, { maxTokens: Number(values.tokens) })) {
          if (seen.has(text)) continue
          seen.add(text)
          const headings = source?.headingPath ?? []
          out.write(`${JSON.stringify({ source: name, file: file.path, title, headings, text })}\n`)
        }
      }
    } catch {
      failed++ // a page that no parser can read is no loss here
    } finally {
      await bytes.close()
    }
  }
  console.error(`${name}: ${files} files, ${failed} of them unreadable, ${seen.size} passages`)
}
out.end()
