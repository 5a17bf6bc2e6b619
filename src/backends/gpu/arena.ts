/**
 * The arrays of one scope of a pass. What a scope leaves behind is freed, except its result and what was kept for after the pass.
 */
import type { DeviceArray } from './device-array.js'

export class Arena {
  readonly #arrays = new Set<DeviceArray>()
  /** Of the whole pass. */
  readonly kept: Set<DeviceArray>

  constructor(kept = new Set<DeviceArray>()) {
    this.kept = kept
  }

  add(array: DeviceArray): DeviceArray {
    this.#arrays.add(array)
    return array
  }

  /** Frees one array, if it is of this scope. */
  free(array: DeviceArray): void {
    if (this.#arrays.delete(array) && !this.kept.has(array)) array.free()
  }

  /** Frees all but one, which goes over to `outer`. */
  end(result?: DeviceArray, outer?: Arena): void {
    for (const array of this.#arrays) {
      if (array === result) outer?.add(array)
      else if (!this.kept.has(array)) array.free()
    }
    this.#arrays.clear()
  }
}
