// What the bundles for pages have in common.
import { fileURLToPath } from 'node:url'

/** A page has no disk and other workers. Without this, what is for Node alone would come along, with imports that no browser knows. */
export const noNode = {
  name: 'no-node',
  setup({ onResolve, onLoad }) {
    const noDisk = fileURLToPath(new URL('../src/files/no-disk.ts', import.meta.url))
    onResolve({ filter: /\/node-file\.js$/ }, () => ({ path: noDisk }))
    onResolve({ filter: /\/node-(threads|cache)\.js$/ }, ({ path }) => ({ path, namespace: 'nothing' }))
    // in a page a string is a URL and never the name of a model on a hub; hub() itself is imported by those who call it
    onResolve({ filter: /\/hub\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'nothing' } : undefined,
    )
    const noFiles = fileURLToPath(new URL('../src/documents/no-files.ts', import.meta.url))
    onResolve({ filter: /\/node-files\.js$/ }, () => ({ path: noFiles }))
    const inPage = fileURLToPath(new URL('../src/documents/page-parser-thread.ts', import.meta.url))
    onResolve({ filter: /\/node-parser-thread\.js$/ }, () => ({ path: inPage }))
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }))
  },
}
