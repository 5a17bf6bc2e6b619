/**
 * The arrows of CONTRIBUTING.md: what each part of src/ may import.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** Every part of src/ and the parts that it may import. A part only names parts above it, so there are no cycles. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  'event-loop': ['errors'],
  'shipped-files': [],
  tensor: ['errors'],
  files: ['errors'],
  backends: ['errors', 'event-loop', 'shipped-files', 'tensor', 'files'],
  safetensors: ['errors', 'tensor', 'files'],
  gguf: ['errors', 'tensor', 'files', 'safetensors'],
  hub: ['errors', 'files', 'gguf'],
  trace: ['errors', 'tensor', 'files', 'safetensors'],
  tokenizer: ['errors', 'event-loop', 'files', 'hub'],
  generation: ['errors', 'event-loop', 'tensor', 'files'],
  layers: ['errors', 'event-loop', 'tensor', 'trace', 'backends', 'safetensors'],
  attention: ['errors', 'tensor', 'trace', 'backends', 'layers'],
  models: [
    'errors',
    'event-loop',
    'tensor',
    'files',
    'hub',
    'trace',
    'backends',
    'safetensors',
    'generation',
    'layers',
    'attention',
  ],
  lens: ['errors', 'tensor', 'trace', 'models'],
  rag: [
    'errors',
    'event-loop',
    'shipped-files',
    'tensor',
    'files',
    'hub',
    'trace',
    'backends',
    'safetensors',
    'tokenizer',
    'generation',
    'layers',
    'models',
  ],
  documents: ['errors', 'event-loop', 'files', 'rag'],
  index: [
    'errors',
    'tensor',
    'files',
    'gguf',
    'hub',
    'trace',
    'backends',
    'safetensors',
    'tokenizer',
    'generation',
    'layers',
    'models',
    'lens',
    'rag',
  ],
  cli: [
    'errors',
    'shipped-files',
    'tensor',
    'files',
    'gguf',
    'hub',
    'trace',
    'safetensors',
    'tokenizer',
    'models',
    'rag',
    'documents',
  ],
}

/** The same for what is in rag/: its rooms, and what stands on top of them. */
const RAG_MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  finding: [],
  stores: ['finding'],
  paper: ['finding'],
  reading: ['finding', 'paper'],
  rag: ['finding', 'stores', 'paper', 'reading'],
  conversation: ['reading', 'rag'],
  index: ['finding', 'stores', 'paper', 'reading', 'rag', 'conversation'],
}

interface Import {
  /** Path in src/ of the importing file. */
  readonly from: string
  /** Path in src/, or the name of a package. */
  readonly to: string
  readonly kind: 'value' | 'type' | 'dynamic'
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/[\\/]assembly[\\/]/.test(file))
  .map((file) => file.replaceAll(sep, '/'))
const IMPORTS = FILES.flatMap(importsOf)

function importsOf(from: string): Import[] {
  const source = ts.createSourceFile(from, readFileSync(join(SRC, from), 'utf8'), ts.ScriptTarget.Latest)
  const imports: Import[] = []
  const add = (specifier: ts.Node | undefined, kind: Import['kind']) => {
    if (!specifier || !ts.isStringLiteral(specifier)) return
    imports.push({ from, to: resolve(from, specifier.text), kind })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node) ? 'type' : 'value')
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'value')
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, 'type')
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], 'dynamic')
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return imports
}

function isTypeOnly({ importClause }: ts.ImportDeclaration): boolean {
  return importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const path = relative(SRC, join(SRC, dirname(from), specifier)).replaceAll(sep, '/')
  return path.replace(/\.js$/, '.ts')
}

/** `models/t5.ts` is of the part models, `errors.ts` of the part errors. */
function partOf(file: string): string {
  return file.split('/')[0].replace(/\.ts$/, '')
}

/** `rag/paper/marginalise.ts` is in the room paper of rag/. */
function roomOf(file: string): string {
  return partOf(file.slice('rag/'.length))
}

const isFile = (target: string) => FILES.includes(target)

test('every import of the sources is found', () => {
  const relativeTargets = IMPORTS.map(({ to }) => to).filter((to) => to.endsWith('.ts'))
  expect(relativeTargets.filter((to) => !isFile(to))).toEqual([])
  expect(new Set(IMPORTS.map(({ from }) => from)).size).toBeGreaterThan(FILES.length / 2)
})

describe('imports point downwards', () => {
  const inRag = (file: string) => partOf(file) === 'rag'

  test.each([
    ['src', MAY_IMPORT, FILES.map(partOf)],
    ['rag', RAG_MAY_IMPORT, FILES.filter(inRag).map(roomOf)],
  ] as const)('the table of %s names every part, and each only parts above it', (_, mayImport, found) => {
    const parts = Object.keys(mayImport)
    expect([...new Set(found)].sort()).toEqual([...parts].sort())
    const upwards = parts.flatMap((part, i) =>
      mayImport[part].filter((other) => !parts.slice(0, i).includes(other)).map((other) => `${part} <- ${other}`),
    )
    expect(upwards).toEqual([])
  })

  test.each(Object.keys(MAY_IMPORT))('%s', (part) => {
    const wrong = IMPORTS.filter(({ from, to }) => partOf(from) === part && isFile(to))
      .filter(({ to }) => partOf(to) !== part && !MAY_IMPORT[part].includes(partOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`)
    expect(wrong).toEqual([])
  })

  test.each(Object.keys(RAG_MAY_IMPORT))('rag: %s', (room) => {
    const wrong = IMPORTS.filter(({ from, to }) => inRag(from) && roomOf(from) === room && isFile(to) && inRag(to))
      .filter(({ to }) => roomOf(to) !== room && !RAG_MAY_IMPORT[room].includes(roomOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`)
    expect(wrong).toEqual([])
  })

  test('layers and attention know of the glass and not of who looks through it', () => {
    const seen = IMPORTS.filter(({ from }) => ['layers', 'attention'].includes(partOf(from)))
      .map(({ to }) => to)
      .filter((to) => partOf(to) === 'trace')
    expect(new Set(seen)).toEqual(new Set(['trace/glass.ts']))
  })
})

test('no two files import each other, not even for types, however long the way', () => {
  const targets = (file: string) => IMPORTS.filter(({ from, to }) => from === file && isFile(to)).map(({ to }) => to)
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' -> ')
    if (done.has(file)) return undefined
    const cycle = targets(file)
      .map((target) => walk(target, [...path, file]))
      .find((found) => found !== undefined)
    done.add(file)
    return cycle
  }
  expect(FILES.map((file) => walk(file, [])).filter((cycle) => cycle !== undefined)).toEqual([])
})

describe('what importing the library loads', () => {
  /** Files that an import of this one loads at once. */
  function loadedWith(entry: string): Set<string> {
    const loaded = new Set([entry])
    for (const file of loaded) {
      for (const { from, to, kind } of IMPORTS) if (from === file && kind === 'value' && isFile(to)) loaded.add(to)
    }
    return loaded
  }

  const packagesOf = (files: ReadonlySet<string>) =>
    new Set(
      IMPORTS.filter(({ from, to, kind }) => files.has(from) && kind === 'value' && !isFile(to)).map(({ to }) => to),
    )

  test('one package and nothing of Node, so that it runs in a page', () => {
    expect(packagesOf(loadedWith('index.ts'))).toEqual(new Set(['@huggingface/tokenizers']))
  })

  test('the package that renders chat templates only when one is rendered', () => {
    const kinds = IMPORTS.filter(({ to }) => to === '@huggingface/jinja').map(({ from, kind }) => [from, kind])
    expect(kinds).toEqual([['tokenizer/chat-template.ts', 'dynamic']])
  })

  test('the packages of stores only when one is opened or searched for words', () => {
    const packages = /^(minisearch|pg|pg-copy-streams|pgvector\/pg)$/
    const kinds = IMPORTS.filter(({ to, kind }) => packages.test(to) && kind !== 'type').map(({ from, kind }) => [
      from,
      kind,
    ])
    expect(kinds.length).toBe(4)
    expect(new Set(kinds.map(String))).toEqual(
      new Set(['rag/finding/bm25.ts,dynamic', 'rag/stores/postgres/packages.ts,dynamic']),
    )
  })

  test('nothing that speaks with PostgreSQL', () => {
    const loaded = [...loadedWith('index.ts')].filter((file) => file.startsWith('rag/stores/postgres/'))
    expect(loaded).toEqual([])
  })

  test('provenance only when sources are asked for; apart in a page, it would bring its own copy of what it imports', () => {
    const kinds = IMPORTS.filter(
      ({ from, to, kind }) => to === 'rag/reading/provenance.ts' && kind !== 'type' && partOf(from) !== 'cli',
    )
    expect(kinds.map(({ from, kind }) => [from, kind])).toEqual([['rag/reading/reader.ts', 'dynamic']])
    expect(IMPORTS.filter(({ from, kind }) => from === 'rag/reading/provenance.ts' && kind !== 'type')).toEqual([])
  })

  test('ndarray, which compiles code at run time, only with its adapter', () => {
    expect(packagesOf(loadedWith('tensor/ndarray.ts'))).toEqual(new Set(['ndarray']))
  })

  test('nothing of the command line', () => {
    expect([...loadedWith('index.ts')].filter((file) => partOf(file) === 'cli')).toEqual([])
  })
})
