export type { AttentionInputs, Backend, PackedMatrix, PackOptions } from './backend.js'
export { referenceBackend } from './reference/reference.js'
