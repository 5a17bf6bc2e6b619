/**
 * Numbers of the dtypes that packed matrices have; backends/wasm/packed.ts has the same.
 */
export const FLOAT32 = 0
export const FLOAT16 = 1
export const BFLOAT16 = 2
