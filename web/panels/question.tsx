/**
 * The question, cut into the tokens that the encoder reads.
 */
import { toCsv } from '../csv.js'
import { Panel } from '../app/panel.js'
import { TokenRow } from '../app/token-row.js'
import type { ModelInfo, Walk } from '../protocol.js'

export interface QuestionPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly busy: boolean
}

export function QuestionPanel({ model, walk, busy }: QuestionPanelProps) {
  const { questionTokens } = walk
  return (
    <Panel
      id="question"
      title="The question becomes tokens"
      lead="A model reads numbers. The text is cut into pieces that its vocabulary knows, and each piece is looked up by its id. Frequent words are one piece, rare ones are several."
      facts={[
        ['read by', model.encoder.name],
        ['shape', `[${questionTokens.length}] ids`],
        ['dashed', 'marks that the format adds'],
      ]}
      flows={`${questionTokens.length} token ids`}
      busy={busy}
      csv={() =>
        toCsv([
          ['token', 'id', 'part', 'start', 'end'],
          ...questionTokens.map((t) => [t.text, t.id, t.part, t.start, t.end]),
        ])
      }
    >
      <TokenRow tokens={questionTokens} label="Tokens of the question" />
    </Panel>
  )
}
