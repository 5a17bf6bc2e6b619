/**
 * Where the default model lies: weights/, beside src/ and dist/. This file stays directly in src/, as the bundles lie directly in
 * dist/, so that the same relative address holds for both.
 */
export const DEFAULT_WEIGHTS: URL = /* @__PURE__ */ new URL('../weights/', import.meta.url)
