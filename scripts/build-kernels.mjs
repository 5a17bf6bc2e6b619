// Compiles src/backends/wasm/assembly/ to the four builds in kernels/: plain and relaxed SIMD, each with a memory of its own or one
// that threads share. With --check nothing is written; the exit code tells whether the committed builds are those of the source.
import { readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const check = process.argv.includes('--check')
let stale = 0

for (const simd of ['plain', 'relaxed']) {
  for (const shared of [false, true]) {
    const file = `kernels/${simd}${shared ? '-shared' : ''}.wasm`
    const bytes = await compile(simd, shared)
    if (!check) writeFileSync(file, bytes)
    else if (!readFileSync(file).equals(bytes)) {
      stale++
      console.error(`${file} is not what its source compiles to; run "npm run build:kernels"`)
    }
  }
}
process.exitCode = stale === 0 ? 0 : 1

async function compile(simd, shared) {
  const outputs = new Map()
  const { error, stderr } = await asc.main(
    [
      'src/backends/wasm/assembly/index.ts',
      ...[
        '-O3',
        '--noAssert',
        '--runtime',
        'stub',
        '--importMemory',
        '--disableWarning',
        '112',
        '--outFile',
        'out.wasm',
      ],
      ...['--enable', 'simd', ...(simd === 'relaxed' ? ['--enable', 'relaxed-simd'] : [])],
      ...(shared ? ['--enable', 'threads', '--sharedMemory', '--initialMemory', '2', '--maximumMemory', '65536'] : []),
    ],
    { writeFile: (name, contents) => void outputs.set(name, contents) },
  )
  if (error) throw new Error(stderr.toString())
  return Buffer.from(outputs.get('out.wasm'))
}
