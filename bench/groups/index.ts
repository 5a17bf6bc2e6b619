/**
 * All groups, in the order of the table.
 */
import type { Group } from '../group.js'
import { attention } from './attention.js'
import { coldStart } from './cold-start.js'
import { glass } from './glass.js'
import { gpu } from './gpu.js'
import { ladder } from './ladder.js'
import { linear } from './linear.js'
import { memory } from './memory.js'
import { minilm } from './minilm.js'
import { reader } from './reader.js'
import { recurrent } from './recurrent.js'
import { retrieval } from './retrieval.js'
import { size } from './size.js'
import { smollm } from './smollm.js'

export const GROUPS: readonly Group[] = [
  ladder,
  linear,
  gpu,
  attention,
  minilm,
  reader,
  smollm,
  retrieval,
  recurrent,
  coldStart,
  memory,
  glass,
  size,
]
