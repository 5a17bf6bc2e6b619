/**
 * Reading tensors out of a safetensors file. Opening reads the header alone; each tensor's bytes are read when it is asked for.
 */
import { blobSource, bytesSource, type ByteSource } from '../files/byte-source.js'
import type { Folder } from '../files/folder.js'
import { viewBytes } from '../tensor/dtype.js'
import { Tensor } from '../tensor/tensor.js'
import { FileTooShortError, UnknownTensorError } from './errors.js'
import { headerLength, LENGTH_BYTES, parseHeader, type Header, type TensorInfo } from './header.js'

/** Named tensors that can be read one by one: a file, or the shards of a checkpoint. */
export interface TensorSource {
  /** File or folder, for messages. */
  readonly name: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /**
   * Reads one tensor. In memory it is a view of the file's bytes where they are aligned; else it owns its data.
   * @throws UnknownTensorError
   */
  tensor(name: string): Promise<Tensor>
  /** Gives back open files. */
  close(): Promise<void>
}

/** A folder whose weights are not safetensors files: it brings its tensors itself, under the names that a safetensors checkpoint has. */
export interface CheckpointFolder extends Folder {
  checkpoint(): Promise<TensorSource>
}

export class SafetensorsFile implements TensorSource {
  readonly #source: ByteSource
  readonly #dataStart: number
  readonly #header: Header

  private constructor(source: ByteSource, dataStart: number, header: Header) {
    this.#source = source
    this.#dataStart = dataStart
    this.#header = header
  }

  /** @throws SafetensorsError, a subclass for each way in which the file can be wrong */
  static async open(input: ByteSource | ArrayBuffer | Uint8Array | Blob): Promise<SafetensorsFile> {
    const source = asSource(input)
    const { name, size } = source
    if (size < LENGTH_BYTES) throw new FileTooShortError(name, `${size} bytes are too few for a safetensors file`)
    const length = headerLength(await source.read(0, LENGTH_BYTES), size, name)
    const dataStart = LENGTH_BYTES + length
    return new SafetensorsFile(
      source,
      dataStart,
      parseHeader(await source.read(LENGTH_BYTES, dataStart), size - dataStart, name),
    )
  }

  get name(): string {
    return this.#source.name
  }

  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#header.tensors
  }

  /** The free text fields of the header. */
  get metadata(): ReadonlyMap<string, string> {
    return this.#header.metadata
  }

  async tensor(name: string): Promise<Tensor> {
    const info = this.tensors.get(name)
    if (!info) throw unknownTensor(this, name)
    const bytes = await this.#source.read(this.#dataStart + info.begin, this.#dataStart + info.end)
    return new Tensor({ dtype: info.dtype, data: viewBytes(info.dtype, bytes), shape: info.shape })
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

export function unknownTensor(
  { name: where, tensors }: Pick<TensorSource, 'name' | 'tensors'>,
  name: string,
): UnknownTensorError {
  const near = [...tensors.keys()].filter((other) => other.endsWith(name) || name.endsWith(other)).slice(0, 3)
  const hint = near.length > 0 ? `; near: ${near.join(', ')}` : ''
  return new UnknownTensorError(where, `there is no tensor ${JSON.stringify(name)} among ${tensors.size}${hint}`)
}

function asSource(input: ByteSource | ArrayBuffer | Uint8Array | Blob): ByteSource {
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) return bytesSource(input)
  return input instanceof Blob ? blobSource(input) : input
}
