/**
 * Cross entropy of logits against target classes: what a language model is trained on, and how labels are scored.
 */
import { InputError, ShapeError } from '../../errors.js'
import { showShape } from '../shape.js'
import { lastSize, output, rowMajor, type Float } from './float.js'
import type { Ids } from './gather.js'
import { logSumExpRow } from './softmax.js'

/** Loss of each target in nats: logits [..., classes], targets [...] -> [...]. Ignored targets cost 0. */
export function crossEntropyEach(logits: Float, targets: Ids, ignoreIndex = -100): Float {
  const classes = lastSize(logits.shape)
  if (targets.size * classes !== logits.size) {
    throw new ShapeError(
      'crossEntropy',
      `targets ${showShape(targets.shape)} do not fit logits ${showShape(logits.shape)}`,
    )
  }
  const source = rowMajor(logits)
  const { tensor, data } = output(targets.shape)
  let row = 0
  for (const at of targets.positions()) {
    const target = targets.data[at]
    if (target !== ignoreIndex) {
      if (target < 0 || target >= classes) {
        throw new InputError(
          'id-outside-vocabulary',
          `crossEntropy: target ${target} is outside the ${classes} classes`,
        )
      }
      data[row] = logSumExpRow(source.subarray(row * classes, (row + 1) * classes)) - source[row * classes + target]
    }
    row++
  }
  return tensor
}

/** Mean of {@link crossEntropyEach} over the targets that are not ignored. NaN when all are, as in PyTorch. */
export function crossEntropy(logits: Float, targets: Ids, ignoreIndex = -100): number {
  const losses = rowMajor(crossEntropyEach(logits, targets, ignoreIndex))
  const counted = targets.toArray().filter((target) => target !== ignoreIndex).length
  return losses.reduce((sum, loss) => sum + loss, 0) / counted
}
