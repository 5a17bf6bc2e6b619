/**
 * What the engine's worker can be asked: for each method its arguments, what it reports while it runs, and its result. The client
 * makes an Engine of it, the worker implements it.
 */
import type {
  Ablation,
  AttentionCell,
  AttentionMap,
  AttentionName,
  BackendName,
  BackendOffer,
  HeadName,
  KernelInfo,
  ModelInfo,
  ModelSource,
  Progress,
  Quoting,
  RecurrentReading,
  Scene,
  ScenePassage,
  Walk,
} from '../protocol.js'

export interface Methods {
  readonly load: Method<[source: ModelSource, backend: BackendName], Progress, ModelInfo>
  readonly backends: Method<[], never, readonly BackendOffer[]>
  readonly kernels: Method<[], never, readonly KernelInfo[]>
  readonly walk: Method<[scene: Scene], string, Walk>
  readonly attention: Method<[attention: AttentionName, passage: number], never, AttentionMap>
  readonly cell: Method<[cell: CellName], never, AttentionCell>
  readonly quoting: Method<[], Progress, Quoting>
  readonly spanAttention: Method<[attention: AttentionName, passage: number], never, AttentionMap>
  readonly spanCell: Method<[cell: CellName], never, AttentionCell>
  readonly ablation: Method<[heads: readonly HeadName[]], never, Ablation>
  readonly embed: Method<[passage: ScenePassage], never, Float32Array>
  readonly recurrent: Method<[text: string], never, RecurrentReading>
  readonly selfAttention: Method<[text: string, attention: AttentionName], never, AttentionMap>
  readonly modes: Method<[], never, readonly Walk[]>
}

export type CellName = HeadName & { readonly passage: number; readonly query: number; readonly key: number }

interface Method<Args extends readonly unknown[], Report, Result> {
  readonly args: Args
  readonly report: Report
  readonly result: Result
}

export type MethodName = keyof Methods

/** What an implementation gets beside its arguments. */
export interface CallContext<M extends MethodName> {
  readonly report: (value: Methods[M]['report']) => void
  readonly signal: AbortSignal
}

export type Implementation = {
  readonly [M in MethodName]: (args: Methods[M]['args'], context: CallContext<M>) => Promise<Methods[M]['result']>
}
