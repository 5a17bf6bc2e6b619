/**
 * A small trace, the same everywhere: what passed two points in two steps of a decoding whose rows were reordered between them.
 */
import { Tensor } from '../../src/tensor/tensor.js'
import { DecoderSteps } from '../../src/trace/decoder-steps.js'
import { hookPoint } from '../../src/trace/glass.js'
import { Recorded, type Trace, type TraceInfo } from '../../src/trace/index.js'

export const SAMPLE_INFO: TraceInfo = { model: 'sample', tokens: { source: [['▁Paris', '</s>']] } }

export function sampleTrace(): Trace {
  const state = hookPoint('encoder.final_norm', ['batch', 'query', 2])
  const probs = hookPoint('decoder.0.cross_attention.probs', ['batch', 1, 'query', 'key'])
  const steps = new DecoderSteps()
  const first = steps.next([[0]], 0)
  steps.reorder([0, 0])
  const second = steps.next([[7], [9]], 1)
  return new Map([
    [state.name, [new Recorded(Tensor.float32([1, -2, 0.5, 3], [1, 2, 2]), state, undefined)]],
    [
      probs.name,
      [
        new Recorded(Tensor.float32([0.25, 0.75], [1, 1, 1, 2]), probs, first),
        new Recorded(Tensor.float32([1, 0, 0.5, 0.5], [1, 1, 2, 2]), probs, second),
      ],
    ],
  ])
}
