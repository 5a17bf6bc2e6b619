/**
 * Which attention is looked at: layers as a row of choices, and the heads of the layer as small pictures side by side with their mean. All
 * pictures share one scale, so heads can be compared.
 */
import { useId, useMemo } from 'preact/hooks'
import type { AttentionMap, AttentionName, ReaderInfo } from '../protocol.js'
import { HeatCanvas } from './heat-canvas.js'
import { weightsOf, type HeadChoice } from './map-weights.js'

export type AttentionInfo = ReaderInfo['attentions'][number]

export interface LayerPickerProps {
  readonly attentions: readonly AttentionInfo[]
  readonly attention: AttentionName
  readonly onAttention: (attention: AttentionName) => void
}

export function attentionLabel({ stack, kind, layer }: AttentionInfo): string {
  const where = stack === 'encoder' ? 'Encoder' : 'Decoder'
  return `${where} ${layer}${stack === 'decoder' ? (kind === 'self' ? ', itself' : ', passage') : ''}`
}

export function LayerPicker({ attentions, attention, onAttention }: LayerPickerProps) {
  const group = useId()
  return (
    <fieldset class="layer-picker">
      <legend>Layer</legend>
      {attentions.map((info) => (
        <label key={info.name} class="choice">
          <input type="radio" name={group} checked={info.name === attention} onChange={() => onAttention(info.name)} />
          <span>{attentionLabel(info)}</span>
        </label>
      ))}
    </fieldset>
  )
}

export interface HeadPickerProps {
  readonly map: AttentionMap
  readonly palette: Uint8ClampedArray | undefined
  readonly head: HeadChoice
  readonly onHead: (head: HeadChoice) => void
}

/** CSS pixels of a picture's longer side. */
const PICTURE = 52

export function HeadPicker({ map, palette, head, onHead }: HeadPickerProps) {
  const group = useId()
  const { numHeads, queries, keys } = map
  const pictures = useMemo(() => {
    const heads: HeadChoice[] = [...Array.from({ length: numHeads }, (_, i) => i), 'mean']
    return heads.map((choice) => ({ choice, weights: weightsOf(map, choice) }))
  }, [map])
  const longer = Math.max(queries.length, keys.length)
  return (
    <fieldset class="head-picker">
      <legend>Head</legend>
      {pictures.map(({ choice, weights }) => (
        <label key={choice} class="choice">
          <input type="radio" name={group} checked={choice === head} onChange={() => onHead(choice)} />
          <HeatCanvas
            weights={weights}
            columns={keys.length}
            palette={palette}
            width={(PICTURE * keys.length) / longer}
            height={(PICTURE * queries.length) / longer}
          />
          <span>{choice}</span>
        </label>
      ))}
    </fieldset>
  )
}
