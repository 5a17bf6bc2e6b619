/**
 * Which build of the kernels this machine can run, and its compilation.
 */
import { GlassformerError } from '../../errors.js'
import { openFolder, missingFile, type FolderLike } from '../../files/folder.js'

/** `relaxed` multiplies and adds with one rounding and has the 8-bit dot product; `plain` is bit-stable everywhere. */
export type SimdBuild = 'plain' | 'relaxed'

/** (i8x16.splat 1) */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 1, 253, 15, 11]
/** (i8x16.relaxed_swizzle (i8x16.splat 1) (i8x16.splat 2)) */
const RELAXED = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
]

/** The best build that runs here; undefined where WebAssembly or its SIMD is missing. */
export function supportedBuild(): SimdBuild | undefined {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(new Uint8Array(SIMD))) return undefined
  return WebAssembly.validate(new Uint8Array(RELAXED)) ? 'relaxed' : 'plain'
}

/** Compiles one of the four builds of a folder. @throws FileError when it is not there, GlassformerError when it may not be compiled */
export async function compileKernels(
  files: FolderLike,
  build: SimdBuild,
  shared: boolean,
): Promise<WebAssembly.Module> {
  const folder = openFolder(files)
  const file = `${build}${shared ? '-shared' : ''}.wasm`
  const source = await folder.open(file)
  if (!source) throw missingFile(folder, file, 'holds the compiled kernels; "npm run build:kernels" makes it')
  try {
    return await compile((await source.read(0, source.size)) as Uint8Array<ArrayBuffer>, source.name)
  } finally {
    await source.close()
  }
}

async function compile(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes)
  } catch (error) {
    const advice = "a page's Content-Security-Policy has to allow 'wasm-unsafe-eval'"
    const message = `wasm: ${name} cannot be compiled (${(error as Error).message}); ${advice}`
    throw new GlassformerError('no-compile', message, { cause: error })
  }
}
