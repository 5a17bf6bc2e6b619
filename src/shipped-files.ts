/**
 * Where the files lie that come with the package: beside src/ and dist/. This file stays directly in src/, as the bundles lie
 * directly in dist/, so that the same relative addresses hold for both.
 */

/** The default model and corpus. */
export const DEFAULT_WEIGHTS: URL = /* @__PURE__ */ new URL('../weights/', import.meta.url)

/** The compiled kernels of the WebAssembly backend and their worker. */
export const KERNELS: URL = /* @__PURE__ */ new URL('../kernels/', import.meta.url)

/** The page of `glassformer explore`, which the build makes. */
export const EXPLORER: URL = /* @__PURE__ */ new URL('../dist/explorer/', import.meta.url)
