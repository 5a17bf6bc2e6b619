export type { AttentionInputs, Backend, BackendPass, Kernels, PackedMatrix, PackOptions } from './backend.js'
export { referenceBackend } from './reference/reference.js'
export { defaultBackend } from './default.js'
export { wasmBackend, type WasmBackend, type WasmOptions } from './wasm/wasm.js'
