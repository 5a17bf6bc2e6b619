/**
 * The activation names of config.json (transformers' ACT2FN) and the functions they stand for.
 */
import type { Activation } from '../tensor/ops/index.js'

export const ACTIVATION_NAMES = {
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
} as const satisfies Record<string, Activation>

export type ActivationName = keyof typeof ACTIVATION_NAMES

export const ACTIVATION_CHOICES = /* @__PURE__ */ Object.keys(ACTIVATION_NAMES) as ActivationName[]
