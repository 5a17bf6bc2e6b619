export { historyOf, rowWriting, type DecoderStep } from './decoder-steps.js'
export type { Glass, HookDimension, HookPoint } from './glass.js'
export { CLEAR } from './glass.js'
export { glassOf, type Hook, type Hooks, type HooksLike } from './hooks.js'
export {
  ablateHead,
  knockOutEdge,
  patchFrom,
  replaceWith,
  steer,
  type AblateOptions,
  type AttentionEdge,
} from './patch.js'
export type { PatchPlace } from './place.js'
export { record, Recorded, type RecordOptions, type Trace } from './record.js'
export { step, type Pause, type SteppingOptions } from './step.js'
export { loadTrace, saveTrace, TraceFileError, type TraceInfo } from './trace-file.js'
