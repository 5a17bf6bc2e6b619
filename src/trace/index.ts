export type { Glass, HookDimension, HookPoint } from './glass.js'
export { CLEAR } from './glass.js'
export { glassOf, type Hook, type Hooks } from './hooks.js'
export { record, type Trace } from './record.js'
