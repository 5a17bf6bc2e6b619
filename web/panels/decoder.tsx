/**
 * The decoder, one step at a time: what it has written, what its cache keeps, and where it looks in the passage.
 */
import { CacheView } from '../attention/cache-view.js'
import { mapToCsv } from '../attention/csv.js'
import { toPng } from '../attention/png.js'
import { StepScrubber } from '../attention/step-scrubber.js'
import { coloursAt } from '../attention/use-colours.js'
import { Hook, Panel } from '../app/panel.js'
import { MapFigure, useMap } from './attention-map.js'
import { isAt, NO_STORY, type AttentionPanelProps } from './encoder.js'
import { FindingNote } from './finding.js'

export interface DecoderPanelProps extends AttentionPanelProps {
  readonly onStep: (step: number) => void
}

export function DecoderPanel({ explorer, model, walk, story, passage, cell, busy, onStep }: DecoderPanelProps) {
  const { reader } = model
  const attentions = reader.attentions.filter(({ stack }) => stack === 'decoder')
  const { cross, crossMost } = story
  const claims = [cross, crossMost?.from === cross?.from ? undefined : crossMost].filter((claim) => claim !== undefined)
  const map = useMap(explorer, walk, cell, passage)
  return (
    <Panel
      id="decoder"
      title="The decoder writes token by token and looks into the passage"
      lead="At each step the decoder reads what it has written, by self-attention, and what the encoder made of passage and question, by cross-attention. Then it writes one token. Move through the steps and watch the row move."
      formula={
        <>
          A = softmax(<var>Q</var>
          <sub>decoder</sub> <var>K</var>
          <sub>encoder</sub>
          <sup>T</sup> · scale)
        </>
      }
      facts={[
        ['shape', `${reader.numHeads} heads × [${walk.target.length}, ${walk.sources[passage].length}]`],
        ['hook point', <Hook>{`${cell.attention}.probs`}</Hook>],
      ]}
      flows={`a state of ${reader.dModel} numbers at each step`}
      busy={busy || map.stale}
      csv={map.value && (() => mapToCsv(map.value!, cell.head))}
      png={map.value && ((figure) => toPng(map.value!, cell.head, coloursAt(figure)))}
    >
      <StepScrubber steps={walk.steps} target={walk.target} step={cell.query} onStep={onStep} />
      {claims.length === 0 && <p class="finding">{NO_STORY}</p>}
      {claims.map((claim) => (
        <FindingNote
          key={claim.from}
          finding={claim}
          isShown={passage === story.passage && isAt(cell, claim.strongest)}
          onShow={() => explorer.select({ passage: story.passage, decoder: claim.strongest })}
        />
      ))}
      {claims.length > 1 && (
        <p class="aside">
          A row is named by the token that was read, and what it writes is the token after. So it is the word before “
          {claims[0].to}” that looks at it, whichever that is.
        </p>
      )}
      {map.error && <p role="alert">{map.error}</p>}
      {map.value && (
        <MapFigure
          explorer={explorer}
          walk={walk}
          passage={passage}
          attentions={attentions}
          map={map.value}
          cell={cell}
          onCell={(decoder) => explorer.select({ decoder })}
        />
      )}
      <h3>What the cache keeps</h3>
      <CacheView
        steps={walk.steps}
        step={cell.query}
        target={walk.target}
        source={walk.sources[passage]}
        reader={reader}
      />
    </Panel>
  )
}
