/**
 * Whose encoder is looked into: that of the reader that words the answer, or the span reader.
 */
import { useId } from 'preact/hooks'

export type Whose = 'reader' | 'span-reader'

const NAMES: Readonly<Record<Whose, string>> = { reader: 'The reader', 'span-reader': 'The span reader' }

export interface WhoseEncoderProps {
  readonly whose: Whose
  readonly onWhose: (whose: Whose) => void
}

export function WhoseEncoder({ whose, onWhose }: WhoseEncoderProps) {
  const group = useId()
  return (
    <fieldset class="layer-picker">
      <legend>Whose encoder</legend>
      {(Object.keys(NAMES) as Whose[]).map((name) => (
        <label key={name} class="choice">
          <input type="radio" name={group} checked={name === whose} onChange={() => onWhose(name)} />
          <span>{NAMES[name]}</span>
        </label>
      ))}
    </fieldset>
  )
}
