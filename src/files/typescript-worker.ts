/**
 * Threads in tests and under tsx, where a program runs from its sources: a worker of Node takes no TypeScript by itself.
 */

/** A program, for a worker with `eval: true`, that runs a TypeScript file. @param file its file: URL */
export function typeScriptProgram(file: string): string {
  const [tsx, url] = [import.meta.resolve('tsx/esm/api'), file].map((name) => JSON.stringify(name))
  return `import(${tsx}).then(({ register }) => (register(), import(${url})))`
}
