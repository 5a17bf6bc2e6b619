/**
 * One GGUF file, or the parts of a split one, under the names that the file gives. Opening reads the headers alone; each tensor's bytes are
 * read when it is asked for.
 */
import { blobSource, bytesSource, type ByteSource } from '../files/byte-source.js'
import { viewBytes, type DType } from '../tensor/dtype.js'
import { Tensor } from '../tensor/tensor.js'
import { GgufUnknownTensorError, quoted } from './errors.js'
import { readHeader, type GgufHeader, type GgufTensorInfo } from './header.js'
import type { GgufMetadata } from './metadata.js'

export class GgufFile {
  readonly #source: ByteSource
  readonly #header: GgufHeader

  private constructor(source: ByteSource, header: GgufHeader) {
    this.#source = source
    this.#header = header
  }

  /** @throws GgufError, a subclass for each way in which the file can be wrong. The source is left open then. */
  static async open(input: ByteSource | ArrayBuffer | Uint8Array | Blob): Promise<GgufFile> {
    const source = asSource(input)
    return new GgufFile(source, await readHeader(source))
  }

  get name(): string {
    return this.#source.name
  }

  /** Version of the format. */
  get version(): number {
    return this.#header.version
  }

  get metadata(): GgufMetadata {
    return this.#header.metadata
  }

  get tensors(): ReadonlyMap<string, GgufTensorInfo> {
    return this.#header.tensors
  }

  /** The bytes of a tensor as they are. @throws GgufUnknownTensorError */
  async bytes(name: string): Promise<Uint8Array> {
    const { begin, end } = this.#info(name)
    return this.#source.read(begin, end)
  }

  /** A tensor, in its own number format. @throws GgufUnknownTensorError */
  async tensor(name: string): Promise<Tensor> {
    return tensorOf(this.#info(name), await this.bytes(name))
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  #info(name: string): GgufTensorInfo {
    const info = this.tensors.get(name)
    if (info) return info
    throw new GgufUnknownTensorError(this.name, `there is no tensor ${quoted(name)} among ${this.tensors.size}`)
  }
}

/** Bytes of a tensor as its values: a view of them where they are aligned. Blocks stay as they are. */
export function tensorOf(
  { type: { dtype }, shape }: Pick<GgufTensorInfo, 'type' | 'shape'>,
  bytes: Uint8Array,
): Tensor {
  return new Tensor<DType>({ dtype, data: viewBytes<DType>(dtype, bytes), shape })
}

function asSource(input: ByteSource | ArrayBuffer | Uint8Array | Blob): ByteSource {
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) return bytesSource(input)
  return input instanceof Blob ? blobSource(input) : input
}
