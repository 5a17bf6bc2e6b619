/**
 * What generation knows of a model: a decoding in progress that gives logits for tokens. Search, sampling and streaming work on this
 * interface alone, so an encoder-decoder, a decoder-only model and a mixture over passages are generated from in one way.
 */
import type { Float } from '../tensor/ops/index.js'

/** A decoding in progress: what generation knows of a model. */
export interface Decoder {
  /**
   * Logits [rows, vocabulary] that follow these tokens ([rows][n]: the ones that the model has not seen yet); the model keeps what
   * came before.
   */
  next(tokens: readonly (readonly number[])[]): Promise<Float>
  /**
   * Row i goes on from row parents[i]; caches are reordered without copying what rows share. There may be more parents than rows:
   * so one row becomes the beams of a search. Rows stay in the order of their sources.
   */
  reorder(parents: readonly number[]): void
  dispose(): void
}

/** A decoder with what its sequences begin with. */
export interface Decoding {
  readonly decoder: Decoder
  /** The prompt with its padding, or the start token of a decoder that has a source. [rows][length] */
  readonly prompt: readonly (readonly number[])[]
  /** What an encoder read, with its padding; undefined for decoder-only models. [rows][length] */
  readonly source?: readonly (readonly number[])[]
}
