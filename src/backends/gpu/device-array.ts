/**
 * The elements of a tensor, on the device, here, or on both. They move when someone needs them: to the device for a kernel, here when
 * `data` is read. Who reads `data` may also write, so then the elements are here alone.
 */
import { GlassformerError } from '../../errors.js'
import type { Shape } from '../../tensor/shape.js'
import type { DistantData } from '../../tensor/tensor.js'
import type { Device, Handle } from './device.js'

export class DeviceArray implements DistantData<'float32'> {
  readonly length: number
  /** Shape of the whole, where it may be written into. */
  readonly shape: Shape | undefined
  readonly #device: Device
  #here: Float32Array | undefined
  #there: Handle | undefined

  constructor(
    device: Device,
    length: number,
    { here, there, shape }: { readonly here?: Float32Array; readonly there?: Handle; readonly shape?: Shape },
  ) {
    this.length = length
    this.shape = shape
    this.#device = device
    this.#here = here
    this.#there = there
  }

  /** @throws GlassformerError `not-fetched` in WebGPU, where reading takes a promise: `await kernels.fetch(tensor)` comes first */
  read(): Float32Array {
    this.#here ??= this.#device.readNow(this.#held(), this.length)
    this.#leave()
    return this.#here
  }

  /** Makes `read` possible. */
  async fetch(): Promise<void> {
    this.#here ??= await this.#device.read(this.#held(), this.length)
  }

  /** The elements on the device. */
  get there(): Handle {
    if (this.#there === undefined && this.#here !== undefined) this.#there = this.#device.upload(this.#here)
    return this.#held()
  }

  /** Other elements, made on the device, in the place of these. */
  replace(there: Handle): void {
    this.#leave()
    this.#here = undefined
    this.#there = there
  }

  /** Gives back the device's memory. What is here stays. */
  free(): void {
    this.#leave()
  }

  #held(): Handle {
    if (this.#there !== undefined) return this.#there
    throw new GlassformerError('freed', 'gpu: a tensor is used after the pass that made it, and was not kept')
  }

  #leave(): void {
    if (this.#there !== undefined) this.#device.release(this.#there)
    this.#there = undefined
  }
}
