/**
 * Greedy generation by a Llama on onnxruntime.
 */
import type { LlamaGraph, LlamaShape } from '../onnx/llama.js'
import type { OnnxRuntime, OrtSession, OrtTensor } from './onnx-runtime.js'

export class LlamaOnOnnx {
  readonly #runtime: OnnxRuntime
  readonly #shape: LlamaShape
  readonly #session: OrtSession

  private constructor(runtime: OnnxRuntime, shape: LlamaShape, session: OrtSession) {
    this.#runtime = runtime
    this.#shape = shape
    this.#session = session
  }

  static async create(runtime: OnnxRuntime, { shape, model }: LlamaGraph): Promise<LlamaOnOnnx> {
    return new LlamaOnOnnx(runtime, shape, await runtime.session(model))
  }

  /** Writes exactly `count` tokens after the prompt and returns them. */
  async generate(prompt: readonly number[], count: number): Promise<number[]> {
    let past = this.#emptyPast()
    let tokens = prompt
    let held = 0
    const written: number[] = []
    while (written.length < count) {
      held += tokens.length
      const { logits, ...present } = await this.#session.run({
        input_ids: this.#runtime.ids(tokens, [1, tokens.length]),
        last_position: this.#runtime.int32s([held - 1], [1]),
        total_length: this.#runtime.int32s([held], []),
        ...past,
      })
      past = Object.fromEntries(
        Object.entries(present).map(([name, tensor]) => [name.replace('present', 'past'), tensor]),
      )
      const scores = logits.data as Float32Array
      written.push(scores.indexOf(scores.reduce((best, score) => Math.max(best, score), -Infinity)))
      tokens = [written.at(-1)!]
    }
    return written
  }

  close(): Promise<void> {
    return this.#session.release()
  }

  #emptyPast(): Record<string, OrtTensor> {
    const { layers, keyValueHeads, headDim } = this.#shape
    const past: Record<string, OrtTensor> = {}
    for (let layer = 0; layer < layers; layer++) {
      for (const part of ['key', 'value']) {
        past[`past.${layer}.${part}`] = this.#runtime.floats(new Float32Array(0), [1, keyValueHeads, 0, headDim])
      }
    }
    return past
  }
}
